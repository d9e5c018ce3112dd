// What an application asks a customer for, whichever client it uses.
import { calculatePKCECodeChallenge, generateRandomCodeVerifier, generateRandomState } from 'oauth4webapi'
import { world } from './world.js'

/** The parameters of an authorization request, with what only the asker knows. */
export async function question(application) {
  const verifier = generateRandomCodeVerifier()
  const state = generateRandomState()
  const parameters = {
    response_type: 'code',
    redirect_uri: application.redirect_uri,
    scope: world.scope,
    state,
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    authorization_details: JSON.stringify([accountAccess()]),
  }
  return { parameters, verifier, state }
}

/** The one entry of `authorization_details` (RFC 9396), good for an hour. */
export function accountAccess() {
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+Z$/, 'Z')
  return {
    type: 'urn:weir:account-access:v1',
    member: world.member,
    permissions: ['ReadAccounts', 'ReadBalances'],
    purpose: 'Show your accounts',
    expires_at: inAnHour,
  }
}

/** The product that the token is for, of an account the customer chose. */
export function balancesOf(tokens, origin) {
  const [{ accounts }] = tokens.authorization_details
  return new URL(`${origin}/${world.member}/accounts/v1/accounts/${accounts[0]}/balances`)
}
