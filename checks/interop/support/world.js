// The running weir that the Python side started, as these clients reach it: over TLS, with the
// alliance's root certificate as the only authority, and `*.localhost` on this machine.
import { createPrivateKey, webcrypto } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { calculateJwkThumbprint, exportJWK, importPKCS8 } from 'jose'
import * as undici from 'undici'

const described = JSON.parse(readFileSync(process.env.WEIR_INTEROP_WORLD, 'utf8'))
export const world = { ...described, customer: described.customers[process.env.WEIR_INTEROP_FLOW] }
const ca = readFileSync(world.ca)

// RFC 6761 section 6.3: names under localhost are this machine, whatever the resolver says.
function lookup(_name, options, done) {
  if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }])
  else done(null, '127.0.0.1', 4)
}

/** `fetch` over connections that show this certificate, or none. */
export function fetchAs(application) {
  const shown = application && {
    cert: readFileSync(application.certificate),
    key: readFileSync(application.key),
  }
  const dispatcher = new undici.Agent({ connect: { ca, lookup, ...shown } })
  return (url, options) => undici.fetch(url, { ...options, dispatcher })
}

/** The application's signing key with its `kid`, as both libraries take it. */
export async function signingKey(application) {
  const pem = readFileSync(application.key, 'utf8')
  const { d, ...jwk } = await exportJWK(createPrivateKey(pem))
  return { key: await importPKCS8(pem, 'ES256'), kid: await calculateJwkThumbprint(jwk) }
}

/** A fresh ES256 key for DPoP. */
export function dpopKeyPair() {
  const kind = { name: 'ECDSA', namedCurve: 'P-256' }
  return webcrypto.subtle.generateKey(kind, false, ['sign', 'verify'])
}
