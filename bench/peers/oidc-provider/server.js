// The peer of the benchmark `tokens`: oidc-provider under its FAPI 2.0 profile, all state in memory.
//
// What it is told stands in the JSON file named on the command line. A line `N` on standard input
// asks for N authorization codes of as many grants, as a customer's yes would leave them; they come
// back as a JSON array on a line.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { createInterface } from 'node:readline'
import Provider from 'oidc-provider'

const told = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const rich = () => told.authorization_details

// Its own memory adapter keeps a thousand entries; this one keeps all, and looks no expiry up.
const stores = new Map()
class Memory {
  constructor(model) {
    this.store = stores.get(model) ?? new Map()
    stores.set(model, this.store)
  }
  async upsert(id, payload) { this.store.set(id, payload) }
  async find(id) { return this.store.get(id) }
  async consume(id) { this.store.get(id).consumed = Math.floor(Date.now() / 1000) }
  async destroy(id) { this.store.delete(id) }
  async revokeByGrantId(grantId) {
    for (const [id, { grantId: own }] of this.store) if (own === grantId) this.store.delete(id)
  }
}

const provider = new Provider(told.issuer, {
  adapter: Memory,
  clients: [
    {
      client_id: told.client_id,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      response_types: ['code'],
      redirect_uris: [told.redirect_uri],
      dpop_bound_access_tokens: true,
      id_token_signed_response_alg: 'ES256',
      authorization_details_types: told.authorization_details.map(({ type }) => type),
      scope: told.scope,
      jwks: told.jwks,
    },
  ],
  clientAuthMethods: ['private_key_jwt'],
  enabledJWA: { clientAuthSigningAlgValues: ['ES256'], dPoPSigningAlgValues: ['ES256'] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
    fapi: { enabled: true, profile: '2.0' },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => told.audience,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: told.scope,
        audience: told.audience,
        accessTokenTTL: 300,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
    richAuthorizationRequests: {
      enabled: true,
      types: Object.fromEntries(told.authorization_details.map(({ type }) => [type, { validate() {} }])),
      authorizationDetailsForGrantSource: rich,
      authorizationDetailsForAccessToken: (_ctx, token) => (token.accountId ? rich() : undefined),
      authorizationDetailsForIntrospection: rich,
    },
  },
  findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  issueRefreshToken: () => true,
  rotateRefreshToken: false,
  jwks: { keys: [told.signing_key] },
  pkce: { required: () => true },
  scopes: [told.scope],
  ttl: { AccessToken: 300, AuthorizationCode: 60, ClientCredentials: 300, Grant: 86_400, RefreshToken: 86_400 },
})
provider.on('server_error', (_ctx, error) => console.error(error))

async function code() {
  const client = await provider.Client.find(told.client_id)
  const accountId = randomBytes(16).toString('base64url')
  const grant = new provider.Grant({ accountId, clientId: told.client_id })
  grant.addResourceScope(told.audience, told.scope)
  const made = new provider.AuthorizationCode({
    accountId,
    client,
    grantId: await grant.save(),
    gty: 'authorization_code',
    codeChallenge: told.code_challenge,
    codeChallengeMethod: 'S256',
    dpopJkt: told.dpop_jkt,
    rar: rich(),
    redirectUri: told.redirect_uri,
    resource: told.audience,
    scope: told.scope,
  })
  return made.save()
}

const tls = { cert: readFileSync(told.certificate), key: readFileSync(told.key) }
const server = createServer(tls, provider.callback())
server.keepAliveTimeout = 600_000 // the generator's connections wait while another target is run
server.listen(told.port, '127.0.0.1')
createInterface({ input: process.stdin }).on('line', async (line) => {
  const codes = await Promise.all(Array.from({ length: Number(line) }, code))
  console.log(JSON.stringify(codes))
})
