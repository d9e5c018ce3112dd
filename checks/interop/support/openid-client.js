// An application on `openid-client`: configured as its manual says, with nothing of weir's in it.
import * as client from 'openid-client'
import { question } from './consent-requests.js'
import { answers } from './customer.js'
import { dpopKeyPair, fetchAs, signingKey, world } from './world.js'

/** The application under private_key_jwt, without a certificate. */
export async function withKey(application, metadata = {}) {
  return discovered(application, metadata, client.PrivateKeyJwt(await signingKey(application)))
}

/** The application under mutual TLS (RFC 8705). */
export async function withCertificate(application) {
  const metadata = { use_mtls_endpoint_aliases: true }
  const config = await discovered(application, metadata, client.TlsClientAuth())
  config[client.customFetch] = fetchAs(application)
  return config
}

/** DPoP with a fresh key. */
export async function dpop(config) {
  return client.getDPoPHandle(config, await dpopKeyPair())
}

/** The customer is asked and says yes; what the token endpoint answers. */
export async function tokensFor(config, application, options) {
  const { parameters, verifier, state } = await question(application)
  const address = await client.buildAuthorizationUrlWithPAR(config, parameters, options)
  const checks = { pkceCodeVerifier: verifier, expectedState: state }
  return client.authorizationCodeGrant(config, await answers(address), checks, undefined, options)
}

function discovered(application, metadata, authentication) {
  return client.discovery(new URL(world.issuer), application.client_id, metadata, authentication, {
    [client.customFetch]: fetchAs(null),
    algorithm: 'oauth2',
  })
}
