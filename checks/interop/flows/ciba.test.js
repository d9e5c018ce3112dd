// A customer asked on another device (CIBA, poll mode): the request is signed, the tokens DPoP-bound.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { SignJWT } from 'jose'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { accountAccess, balancesOf } from '../support/consent-requests.js'
import { answersAtHome } from '../support/customer.js'
import * as bare from '../support/oauth4webapi.js'
import * as full from '../support/openid-client.js'
import { signingKey, world } from '../support/world.js'

const application = world.applications.with_signed_requests

/** The request object (CIBA section 7.1.1): neither library makes one for the backchannel. */
async function request(bindingMessage) {
  const { key, kid } = await signingKey(application)
  const claims = {
    client_id: application.client_id,
    scope: world.scope,
    login_hint: world.customer.reference,
    binding_message: bindingMessage,
    authorization_details: [accountAccess()],
  }
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid, typ: 'oauth-authz-req+jwt' })
    .setIssuer(application.client_id)
    .setAudience(world.issuer)
    .setJti(randomUUID())
    .setIssuedAt()
    .setNotBefore('0s')
    .setExpirationTime('5m')
    .sign(key)
}

test('openid-client', async () => {
  const config = await full.withKey(application)
  const DPoP = await full.dpop(config)
  const asked = await client.initiateBackchannelAuthentication(config, { request: await request('FULL 1') })
  assert.match(await answersAtHome(), /FULL 1/)
  const tokens = await client.pollBackchannelAuthenticationGrant(config, asked, undefined, { DPoP })
  assert.equal(tokens.token_type, 'dpop')
  const url = balancesOf(tokens, world.api)
  const answer = await client.fetchProtectedResource(
    config, tokens.access_token, url, 'GET', null, undefined, { DPoP },
  )
  assert.equal(answer.status, 200)
})

test('openid-client, a customer who says no', async () => {
  const config = await full.withKey(application)
  const DPoP = await full.dpop(config)
  const asked = await client.initiateBackchannelAuthentication(config, { request: await request('FULL 2') })
  await answersAtHome('no')
  await assert.rejects(client.pollBackchannelAuthenticationGrant(config, asked, undefined, { DPoP }), {
    error: 'access_denied',
  })
})

test('oauth4webapi', async () => {
  const { as, client: id, authentication, options } = await bare.withDpop(await bare.withKey(application))
  const sent = await oauth.backchannelAuthenticationRequest(
    as, id, authentication, { request: await request('BARE 1') }, options,
  )
  const asked = await oauth.processBackchannelAuthenticationResponse(as, id, sent)
  const polled = () =>
    bare.withNonce(async () => {
      const answer = await oauth.backchannelAuthenticationGrantRequest(
        as, id, authentication, asked.auth_req_id, options,
      )
      return oauth.processBackchannelAuthenticationGrantResponse(as, id, answer)
    })
  await assert.rejects(polled(), { error: 'authorization_pending' })
  assert.match(await answersAtHome(), /BARE 1/)
  await new Promise((done) => setTimeout(done, asked.interval * 1000))
  const tokens = await polled()
  assert.equal(tokens.token_type, 'dpop')
  assert.ok(tokens.refresh_token)
})
