// Refresh tokens are not rotated (FAPI 2.0 section 5.3.2.1); giving one back ends the consent.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { balancesOf } from '../support/consent-requests.js'
import * as bare from '../support/oauth4webapi.js'
import * as full from '../support/openid-client.js'
import { world } from '../support/world.js'

const application = world.applications.with_key
const REFUSED = { code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE' }
const ENDED = { error: 'invalid_grant' }

test('openid-client', async () => {
  const config = await full.withKey(application)
  const DPoP = await full.dpop(config)
  const first = await full.tokensFor(config, application, { DPoP })
  const call = ({ access_token }) =>
    client.fetchProtectedResource(
      config, access_token, balancesOf(first, world.api), 'GET', null, undefined, { DPoP },
    )
  const refresh = () => client.refreshTokenGrant(config, first.refresh_token, undefined, { DPoP })
  await refresh() // its answer may have been lost on the way: asking again works
  const second = await refresh()
  assert.equal((await call(second)).status, 200)
  await client.tokenRevocation(config, second.access_token)
  await assert.rejects(call(second), REFUSED)
  assert.equal((await call(first)).status, 200)
  await client.tokenRevocation(config, first.refresh_token)
  await assert.rejects(call(first), REFUSED) // the consent was withdrawn: RFC 6750 section 3.1
  await assert.rejects(refresh(), ENDED)
})

test('oauth4webapi', async () => {
  const self = await bare.withDpop(await bare.withKey(application))
  const { as, client: id, authentication, options } = self
  const first = await bare.tokensFor(self, application)
  const refresh = () =>
    bare.withNonce(async () => {
      const answer = await oauth.refreshTokenGrantRequest(as, id, authentication, first.refresh_token, options)
      return oauth.processRefreshTokenResponse(as, id, answer)
    })
  const url = balancesOf(first, world.api)
  assert.equal((await bare.called(self, await refresh(), url)).status, 200)
  const answer = await oauth.revocationRequest(as, id, authentication, first.refresh_token, options)
  await oauth.processRevocationResponse(answer)
  await assert.rejects(bare.called(self, first, url), REFUSED)
  await assert.rejects(refresh(), ENDED)
})
