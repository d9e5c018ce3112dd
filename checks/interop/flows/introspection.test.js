// Introspection (RFC 7662) answered as a signed JWT (RFC 9701), for a member's own system.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import * as bare from '../support/oauth4webapi.js'
import * as full from '../support/openid-client.js'
import { fetchAs, world } from '../support/world.js'

const application = world.applications.with_key
const asking = world.applications.that_introspects

async function tokens() {
  const config = await full.withKey(application)
  const DPoP = await full.dpop(config)
  return full.tokensFor(config, application, { DPoP })
}

test('openid-client', async () => {
  const { access_token, grant_id } = await tokens()
  const config = await full.withKey(asking, { introspection_signed_response_alg: 'ES256' })
  client.enableNonRepudiationChecks(config)
  const told = await client.tokenIntrospection(config, access_token)
  assert.equal(told.active, true)
  assert.equal(told.grant_id, grant_id)
  assert.ok(told.cnf.jkt)
  assert.deepEqual(await client.tokenIntrospection(config, 'not-a-token'), { active: false })
})

test('openid-client, refused to a partner', async () => {
  const { access_token } = await tokens()
  const config = await full.withKey(application)
  await assert.rejects(client.tokenIntrospection(config, access_token), { error: 'unauthorized_client' })
})

test('oauth4webapi', async () => {
  const { access_token } = await tokens()
  const { as, client: id, authentication, options } = await bare.withKey(asking)
  const answer = await oauth.introspectionRequest(as, id, authentication, access_token, {
    ...options,
    requestJwtResponse: true,
  })
  assert.match(answer.headers.get('content-type'), /^application\/token-introspection\+jwt/)
  const told = await oauth.processIntrospectionResponse(as, id, answer)
  await oauth.validateApplicationLevelSignature(as, answer, { [oauth.customFetch]: fetchAs(null) })
  assert.equal(told.active, true)
  assert.equal(told.client_id, application.client_id)
})
