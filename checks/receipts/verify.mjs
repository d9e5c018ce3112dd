// Verifies the test vectors of docs/receipts.md, written from that page alone: nothing here is
// shared with the platform. Reads the page's path from the command line; prints a line a check.

import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const page = readFileSync(process.argv[2], "utf8");
const block = page.slice(page.indexOf("## Test vectors")).match(/```json\n([\s\S]*?)\n```/)[1];
const vectors = JSON.parse(block);

let failed = 0;
function check(what, holds) {
  console.log(`${holds ? "ok" : "FAILED"}: ${what}`);
  if (!holds) failed += 1;
}

const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

// --- "Lines and segments": RFC 9162, section 2.1 -------------------------------------------------

const leafHash = (line) => sha256(Buffer.from([0]), Buffer.from(line, "utf8"));
const nodeHash = (left, right) => sha256(Buffer.from([1]), left, right);

function treeRoot(leaves) {
  if (leaves.length === 0) return sha256(Buffer.alloc(0));
  if (leaves.length === 1) return leaves[0];
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(treeRoot(leaves.slice(0, split)), treeRoot(leaves.slice(split)));
}

function included(leaf, index, size, path, root) {
  if (index >= size) return false;
  let [found, at, last] = [leaf, index, size - 1];
  for (const text of path) {
    if (last === 0) return false;
    const each = Buffer.from(text, "hex");
    if (at % 2 === 1 || at === last) {
      found = nodeHash(each, found);
      while (at % 2 === 0 && at !== 0) [at, last] = [at >> 1, last >> 1];
    } else {
      found = nodeHash(found, each);
    }
    [at, last] = [at >> 1, last >> 1];
  }
  return last === 0 && found.toString("hex") === root;
}

// --- "The seal" and "The root over all seals" ----------------------------------------------------

function sealText(seal) {
  const gap = seal.gap_from_us === null ? "-" : `${seal.gap_from_us} ${seal.gap_until_us}`;
  return [
    "weir segment 1", `stream ${seal.stream}`, `segment ${seal.segment}`, `first ${seal.first}`,
    `records ${seal.records}`, `root ${seal.root}`, `previous ${seal.previous}`,
    `sealed ${seal.sealed_at_us}`, `state ${seal.state}`, `torn ${seal.torn_bytes}`, `gap ${gap}`,
    `receipts ${seal.receipts}`, `key ${seal.key}`, "",
  ].join("\n");
}

function rootText(root) {
  return [
    "weir root 1", `size ${root.size}`, `root ${root.root}`, `at ${root.at_us}`,
    `day ${root.day ?? "-"}`, `key ${root.key}`, "",
  ].join("\n");
}

function signed(text, signature, jwk) {
  const key = createPublicKey({ key: { kty: jwk.kty, crv: jwk.crv, x: jwk.x }, format: "jwk" });
  return verify(null, Buffer.from(text, "utf8"), key, Buffer.from(signature, "base64url"));
}

// --- "The field weir-receipt": keyed BLAKE2b (RFC 7693, section 3) with 16 bytes of output -------

const MASK = (1n << 64n) - 1n;
const IV = [
  0x6a09e667f3bcc908n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn, 0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n, 0x9b05688c2b3e6c1fn, 0x1f83d9abfb41bd6bn, 0x5be0cd19137e2179n,
];
const SIGMA = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];
const rotated = (word, by) => ((word >> BigInt(by)) | (word << BigInt(64 - by))) & MASK;

function mix(v, a, b, c, d, x, y) {
  v[a] = (v[a] + v[b] + x) & MASK;
  v[d] = rotated(v[d] ^ v[a], 32);
  v[c] = (v[c] + v[d]) & MASK;
  v[b] = rotated(v[b] ^ v[c], 24);
  v[a] = (v[a] + v[b] + y) & MASK;
  v[d] = rotated(v[d] ^ v[a], 16);
  v[c] = (v[c] + v[d]) & MASK;
  v[b] = rotated(v[b] ^ v[c], 63);
}

function compress(h, chunk, counted, isLast) {
  const m = Array.from({ length: 16 }, (_, n) => chunk.readBigUInt64LE(8 * n));
  const v = [...h, ...IV];
  v[12] ^= BigInt(counted);
  if (isLast) v[14] ^= MASK;
  for (let round = 0; round < 12; round += 1) {
    const s = SIGMA[round % 10];
    for (let n = 0; n < 4; n += 1) mix(v, n, n + 4, n + 8, n + 12, m[s[2 * n]], m[s[2 * n + 1]]);
    for (let n = 0; n < 4; n += 1) {
      const x = m[s[8 + 2 * n]];
      mix(v, n, 4 + ((n + 1) % 4), 8 + ((n + 2) % 4), 12 + ((n + 3) % 4), x, m[s[9 + 2 * n]]);
    }
  }
  for (let n = 0; n < 8; n += 1) h[n] ^= v[n] ^ v[n + 8];
}

function authenticator(key, text) {
  const input = Buffer.concat([key, Buffer.alloc(128 - key.length), Buffer.from(text, "ascii")]);
  const h = [...IV];
  h[0] ^= 0x01010000n ^ BigInt(key.length << 8) ^ 16n;
  for (let at = 0; at < input.length; at += 128) {
    const chunk = Buffer.alloc(128);
    input.copy(chunk, 0, at, Math.min(at + 128, input.length));
    compress(h, chunk, Math.min(at + 128, input.length), at + 128 >= input.length);
  }
  const out = Buffer.alloc(16);
  out.writeBigUInt64LE(h[0], 0);
  out.writeBigUInt64LE(h[1], 8);
  return out.toString("hex");
}

// --- the vectors ---------------------------------------------------------------------------------

const { receipt, end, public_key: key } = vectors;
const hashes = vectors.lines.map(leafHash);
check("the leaf hashes", hashes.every((each, n) => each.toString("hex") === vectors.leaf_hashes[n]));
check("the segment's root", treeRoot(hashes).toString("hex") === receipt.seal.root);
check("the seals' texts", [receipt.seal, end].every((s, n) => sealText(s) === vectors.statements[n]));
check("the root's text", rootText(receipt.inclusion.root) === vectors.root_statement);
check("the chain", end.previous === sha256(sealText(receipt.seal)).toString("hex"));
check("the empty segment's root", end.root === treeRoot([]).toString("hex"));
for (const seal of [receipt.seal, end]) {
  check(`the signature of seal ${seal.segment}`, signed(sealText(seal), seal.signature, key));
}

const [stream, call, at, proof] = receipt.receipt.split(".");
const line = JSON.parse(receipt.line);
const isIncluded = (text) =>
  included(leafHash(text), receipt.index, receipt.seal.records, receipt.path, receipt.seal.root);
check("the line is in the segment", isIncluded(receipt.line));
check("another line is not", !isIncluded(receipt.line.replace("1230", "1231")));
check("the line is the named call's",
  stream === receipt.seal.stream && line.number === receipt.seal.first + receipt.index &&
  line.call === Number(call) && line.at_us === Number(at));
const { root, index, path } = receipt.inclusion;
check("the root's signature", signed(rootText(root), root.signature, key));
check("the seal is under the root",
  included(leafHash(sealText(receipt.seal)), index, root.size, path, root.root));

const secret = Buffer.from(vectors.receipt_key, "hex");
check("the stream's key is the sealed one", sha256(secret).toString("hex") === receipt.seal.receipts);
const said = `${stream}.${call}.${at} ${vectors.application} ${line.interaction_id} ${line.status}`;
check("the name is authentic", authenticator(secret, said) === proof);
check("an invented one is not", authenticator(secret, said.replace("201", "200")) !== proof);

process.exit(failed ? 1 : 0);
