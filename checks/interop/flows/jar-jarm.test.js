// Signed requests (JAR, RFC 9101) pushed by PAR, and signed answers (JARM).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { question } from '../support/consent-requests.js'
import { answers } from '../support/customer.js'
import * as bare from '../support/oauth4webapi.js'
import * as full from '../support/openid-client.js'
import { fetchAs, signingKey, world } from '../support/world.js'

const application = world.applications.with_signed_requests

test('openid-client', async () => {
  const config = await full.withKey(application)
  client.useJwtResponseMode(config)
  const DPoP = await full.dpop(config)
  const { parameters, verifier, state } = await question(application)
  const signed = await client.buildAuthorizationUrlWithJAR(
    config, { ...parameters, response_mode: 'jwt' }, await signingKey(application),
  )
  const address = await client.buildAuthorizationUrlWithPAR(config, signed.searchParams, { DPoP })
  const location = await answers(address)
  assert.deepEqual([...location.searchParams.keys()], ['response'])
  const checks = { pkceCodeVerifier: verifier, expectedState: state }
  const tokens = await client.authorizationCodeGrant(config, location, checks, undefined, { DPoP })
  assert.ok(tokens.access_token)
})

test('openid-client, refused without a signature', async () => {
  const config = await full.withKey(application)
  const DPoP = await full.dpop(config)
  const { parameters } = await question(application)
  await assert.rejects(client.buildAuthorizationUrlWithPAR(config, parameters, { DPoP }), {
    error: 'invalid_request',
  })
})

test('oauth4webapi', async () => {
  const self = await bare.withDpop(await bare.withKey(application))
  const { parameters, verifier, state } = await question(application)
  const wanted = { ...parameters, response_mode: 'jwt' }
  const request = await oauth.issueRequestObject(self.as, self.client, wanted, await signingKey(application))
  const location = await bare.asked(self, { request })
  const options = { [oauth.customFetch]: fetchAs(null) }
  const callback = await oauth.validateJwtAuthResponse(self.as, self.client, location, state, options)
  const tokens = await bare.exchanged(self, application, callback, verifier)
  assert.ok(tokens.access_token)
})
