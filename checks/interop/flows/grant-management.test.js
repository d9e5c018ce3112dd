// Grant Management for OAuth 2.0: a client reads its grant and ends it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as client from 'openid-client'
import * as full from '../support/openid-client.js'
import { world } from '../support/world.js'

const application = world.applications.with_key

test('openid-client', async () => {
  const config = await full.withKey(application)
  const DPoP = await full.dpop(config)
  const tokens = await full.tokensFor(config, application, { DPoP })
  const scope = 'grant_management_query grant_management_revoke'
  const managing = await client.clientCredentialsGrant(config, { scope }, { DPoP })
  const { grant_management_endpoint } = config.serverMetadata()
  const url = new URL(`${grant_management_endpoint}/${tokens.grant_id}`)
  const asked = (method) =>
    client.fetchProtectedResource(config, managing.access_token, url, method, null, undefined, { DPoP })
  const told = await asked('GET')
  assert.equal(told.status, 200)
  const { authorization_details } = await told.json()
  assert.deepEqual(authorization_details, tokens.authorization_details)
  assert.equal((await asked('DELETE')).status, 204)
  assert.equal((await asked('GET')).status, 404)
  await assert.rejects(client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP }), {
    error: 'invalid_grant',
  })
})
