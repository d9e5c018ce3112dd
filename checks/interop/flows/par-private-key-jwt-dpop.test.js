// PAR (RFC 9126) with private_key_jwt (RFC 7523), tokens bound by DPoP (RFC 9449).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as client from 'openid-client'
import { balancesOf } from '../support/consent-requests.js'
import * as bare from '../support/oauth4webapi.js'
import * as full from '../support/openid-client.js'
import { world } from '../support/world.js'

const application = world.applications.with_key
const REFUSED = { code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE' }

test('openid-client', async () => {
  const config = await full.withKey(application)
  const DPoP = await full.dpop(config)
  const tokens = await full.tokensFor(config, application, { DPoP })
  assert.equal(tokens.token_type, 'dpop')
  const call = (options) =>
    client.fetchProtectedResource(
      config, tokens.access_token, balancesOf(tokens, world.api), 'GET', null, undefined, options,
    )
  assert.equal((await call({ DPoP })).status, 200)
  const other = await full.dpop(config)
  await assert.rejects(call({ DPoP: other }), REFUSED)
})

test('oauth4webapi', async () => {
  const self = await bare.withDpop(await bare.withKey(application))
  const tokens = await bare.tokensFor(self, application)
  assert.equal(tokens.token_type, 'dpop')
  const url = balancesOf(tokens, world.api)
  assert.equal((await bare.called(self, tokens, url)).status, 200)
  await assert.rejects(bare.called(await bare.withDpop(self), tokens, url), REFUSED)
})
