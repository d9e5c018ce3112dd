// The check that a member makes of every call (docs/members.md), in Node.js 20 without packages.
//
// TLS comes before it, and is your server's part: a client certificate by the issuer of gateways.
//
//   const server = https.createServer({ key, cert, ca: gatewaysPem, requestCert: true,
//                                       rejectUnauthorized: true }, answer);
//
// To try it, each line of standard input is a request: method, target, identity, interaction id,
// body in base64, and `call` or `any`, with tabs between them.
//
//   node identity-check.mjs jwks.json https://auth.alliance.example river-bank https://bank.example

import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}$/;
const CHARACTERS = 32_768; // of the longest identity that is read
const AHEAD_S = 10; // by which the gateway's clock may differ from yours
const LONGEST_S = 120; // from `iat` to `exp`
const REPEATED = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]);

export class IdentityCheck {
  #keys;
  #issuer;
  #member;
  #service;
  #used = new Map(); // `jti` to the second until which it is remembered; share it if you scale out

  // `keys` is the list of /jwks: fetch it again when an unknown `kid` is named, at most every 10 s.
  constructor(keys, issuer, member, service) {
    this.#keys = new Map(keys.map((key) => [key.kid, key]));
    this.#issuer = issuer;
    this.#member = member;
    this.#service = service;
  }

  // Returns the claims, or throws an Error whose message is the reason: answer 401, do nothing.
  // `values` are all values of the field; `forThisCall` wants an identity for this very request.
  check({ method, target, values, interactionId, body, forThisCall }) {
    if (values.length !== 1) throw new Error("missing");
    const claims = this.#verified(values[0]);
    const nowS = Date.now() / 1000;
    if (claims.iss !== this.#issuer) throw new Error("issuer");
    if (claims.aud !== this.#member) throw new Error("audience");
    if (claims.exp <= nowS - AHEAD_S) throw new Error("expired");
    if (claims.iat > nowS + AHEAD_S || claims.exp - claims.iat > LONGEST_S) {
      throw new Error("not_yet");
    }
    if (claims.jti === undefined) {
      if (forThisCall) throw new Error("unbound");
      return claims;
    }
    const digest = createHash("sha256").update(body).digest("base64url");
    if (claims.htm !== method) throw new Error("method");
    if (claims.target_uri !== this.#service + target) throw new Error("target");
    if (claims.body_sha256 !== digest) throw new Error("body");
    if (claims.interaction_id !== interactionId) throw new Error("interaction");
    if (!REPEATED.has(method)) this.#use(claims.jti, claims.exp + AHEAD_S, nowS);
    return claims;
  }

  #verified(value) {
    if (value.length > CHARACTERS || !COMPACT.test(value)) throw new Error("malformed");
    const [head, payload, signature] = value.split(".");
    const header = read(head);
    const names = Object.keys(header).sort().join();
    if (names !== "alg,kid,typ" || header.typ !== "openfinance-identity+jwt") {
      throw new Error("malformed");
    }
    const key = this.#keys.get(header.kid);
    if (key === undefined) throw new Error("key_unknown");
    const fits = header.alg === "ES256" && key.kty === "EC" && key.crv === "P-256";
    const holds =
      fits &&
      verify(
        "sha256",
        Buffer.from(`${head}.${payload}`),
        { key: createPublicKey({ key, format: "jwk" }), dsaEncoding: "ieee-p1363" },
        Buffer.from(signature, "base64url"),
      );
    if (!holds) throw new Error("signature");
    const claims = read(payload);
    if (!Number.isInteger(claims.iat) || !Number.isInteger(claims.exp)) {
      throw new Error("malformed");
    }
    return claims;
  }

  #use(jti, untilS, nowS) {
    for (const [each, endS] of this.#used) if (endS < nowS) this.#used.delete(each);
    if (this.#used.has(jti)) throw new Error("replayed");
    this.#used.set(jti, untilS);
  }
}

function read(part) {
  let value;
  try {
    value = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  } catch {
    throw new Error("malformed");
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new Error("malformed");
  }
  return value;
}

if (import.meta.url === `file://${process.argv[1]}`) {
  const [keys, issuer, member, service] = process.argv.slice(2);
  const listed = JSON.parse(readFileSync(keys, "utf8")).keys;
  const checker = new IdentityCheck(listed, issuer, member, service);
  for await (const line of createInterface({ input: process.stdin })) {
    const [method, target, identity, interactionId, body, wanted] = line.split("\t");
    const request = {
      method,
      target,
      values: identity === "" ? [] : [identity],
      interactionId,
      body: Buffer.from(body, "base64"),
      forThisCall: wanted === "call",
    };
    try {
      console.log(`believed ${checker.check(request).client_id}`);
    } catch (error) {
      console.log(`refused ${error.message}`);
    }
  }
}
