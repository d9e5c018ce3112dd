// An application on `oauth4webapi`, which leaves each request and each answer to its user.
import * as oauth from 'oauth4webapi'
import { question } from './consent-requests.js'
import { answers } from './customer.js'
import { dpopKeyPair, fetchAs, signingKey, world } from './world.js'

/** A server, a client at it, its authentication, and the options of its requests. */
export async function withKey(application) {
  const authentication = oauth.PrivateKeyJwt(await signingKey(application))
  return { ...(await discovered(application, {})), authentication, options: fetching(null) }
}

/** The same under mutual TLS (RFC 8705). */
export async function withCertificate(application) {
  const found = await discovered(application, { use_mtls_endpoint_aliases: true })
  return { ...found, authentication: oauth.TlsClientAuth(), options: fetching(application) }
}

/** The same with tokens bound to a fresh DPoP key. */
export async function withDpop(self) {
  const DPoP = oauth.DPoP(self.client, await dpopKeyPair())
  return { ...self, options: { ...self.options, DPoP } }
}

/** Push the parameters and send the customer there. Returns where the answer leads. */
export async function asked({ as, client, authentication, options }, parameters) {
  const { request_uri } = await withNonce(async () => {
    const answer = await oauth.pushedAuthorizationRequest(as, client, authentication, parameters, options)
    return oauth.processPushedAuthorizationResponse(as, client, answer)
  })
  const address = new URL(as.authorization_endpoint)
  address.search = new URLSearchParams({ client_id: client.client_id, request_uri })
  return answers(address)
}

/** Exchange the code of a validated answer. */
export async function exchanged({ as, client, authentication, options }, application, callback, verifier) {
  const { redirect_uri } = application
  return withNonce(async () => {
    const answer = await oauth.authorizationCodeGrantRequest(
      as, client, authentication, callback, redirect_uri, verifier, options,
    )
    return oauth.processAuthorizationCodeResponse(as, client, answer)
  })
}

/** The customer is asked and says yes; what the token endpoint answers. */
export async function tokensFor(self, application) {
  const { parameters, verifier, state } = await question(application)
  const location = await asked(self, parameters)
  const callback = oauth.validateAuthResponse(self.as, self.client, location, state)
  return exchanged(self, application, callback, verifier)
}

/** Call a product. */
export function called({ options }, tokens, url) {
  return oauth.protectedResourceRequest(tokens.access_token, 'GET', url, undefined, undefined, options)
}

/** The first answer to a proof brings the nonce for the next one (RFC 9449 section 8). */
export async function withNonce(request) {
  try {
    return await request()
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    return request()
  }
}

function fetching(application) {
  return { [oauth.customFetch]: fetchAs(application) }
}

async function discovered(application, metadata) {
  const issuer = new URL(world.issuer)
  const found = await oauth.discoveryRequest(issuer, { ...fetching(null), algorithm: 'oauth2' })
  const as = await oauth.processDiscoveryResponse(issuer, found)
  return { as, client: { client_id: application.client_id, ...metadata } }
}
