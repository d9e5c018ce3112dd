// PAR with mutual TLS (RFC 8705): the certificate proves the client and binds the tokens.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as client from 'openid-client'
import { balancesOf } from '../support/consent-requests.js'
import * as bare from '../support/oauth4webapi.js'
import * as full from '../support/openid-client.js'
import { world } from '../support/world.js'

const application = world.applications.with_certificate

test('openid-client', async () => {
  const config = await full.withCertificate(application)
  const tokens = await full.tokensFor(config, application)
  assert.equal(tokens.token_type, 'bearer')
  const url = balancesOf(tokens, world.api_mtls)
  const answer = await client.fetchProtectedResource(config, tokens.access_token, url, 'GET')
  assert.equal(answer.status, 200)
})

test('oauth4webapi', async () => {
  const self = await bare.withCertificate(application)
  const tokens = await bare.tokensFor(self, application)
  const answer = await bare.called(self, tokens, balancesOf(tokens, world.api_mtls))
  assert.equal(answer.status, 200)
  const uncertified = await bare.withKey(world.applications.with_key)
  const url = balancesOf(tokens, world.api)
  await assert.rejects(bare.called(uncertified, tokens, url), { code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE' })
})
