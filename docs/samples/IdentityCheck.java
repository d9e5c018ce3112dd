// The check that a member makes of every call (docs/members.md), in Java 17 without libraries.
//
// TLS comes before it, and is your server's part: a client certificate by the issuer of gateways,
// as the only entry of the trust store (in Tomcat `truststoreFile` and `certificateVerification=
// "required"`, in Jetty `setNeedClientAuth(true)`).
//
// To try it, each line of standard input is a request: method, target, identity, interaction id,
// body in base64, and `call` or `any`, with tabs between them.
//
//   java IdentityCheck.java jwks.json https://auth.alliance.example river-bank https://bank.example

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

public final class IdentityCheck {
    private static final Pattern COMPACT =
            Pattern.compile("[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]{86}");
    private static final int CHARACTERS = 32_768; // of the longest identity that is read
    private static final long AHEAD_S = 10; // by which the gateway's clock may differ from yours
    private static final long LONGEST_S = 120; // from `iat` to `exp`
    private static final Set<String> REPEATED = Set.of("GET", "HEAD", "PUT", "DELETE", "OPTIONS");

    /** Why an identity is not believed: answer 401, do nothing. */
    public static final class Refused extends Exception {
        public Refused(String reason) {
            super(reason);
        }
    }

    /** A request as it came; `values` are all values of the field `openfinance-identity`. */
    public record Request(
            String method, String target, List<String> values, String interactionId, byte[] body) {}

    private final Map<String, PublicKey> keys;
    private final String issuer;
    private final String member;
    private final String service;
    private final Map<String, Long> used = new ConcurrentHashMap<>(); // share it if you scale out

    /** `jwks` is what /jwks answers: fetch it again for an unknown `kid`, at most every 10 s. */
    public IdentityCheck(String jwks, String issuer, String member, String service)
            throws GeneralSecurityException, Refused {
        this.keys = keysIn(jwks);
        this.issuer = issuer;
        this.member = member;
        this.service = service;
    }

    /** Return the claims; `forThisCall` wants an identity that is signed for this very request. */
    public Map<String, Object> check(Request request, boolean forThisCall)
            throws Refused, GeneralSecurityException {
        if (request.values().size() != 1) throw new Refused("missing");
        Map<String, Object> claims = verified(request.values().get(0));
        long now = Instant.now().getEpochSecond();
        long begins = seconds(claims, "iat");
        long ends = seconds(claims, "exp");
        if (!issuer.equals(claims.get("iss"))) throw new Refused("issuer");
        if (!member.equals(claims.get("aud"))) throw new Refused("audience");
        if (ends <= now - AHEAD_S) throw new Refused("expired");
        if (begins > now + AHEAD_S || ends - begins > LONGEST_S) throw new Refused("not_yet");
        if (claims.get("jti") instanceof String jti) {
            checkCall(claims, request);
            if (!REPEATED.contains(request.method())) use(jti, ends + AHEAD_S, now);
        } else if (forThisCall) {
            throw new Refused("unbound");
        }
        return claims;
    }

    private void checkCall(Map<String, Object> claims, Request request)
            throws Refused, GeneralSecurityException {
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(request.body());
        String digest = Base64.getUrlEncoder().withoutPadding().encodeToString(hash);
        if (!request.method().equals(claims.get("htm"))) throw new Refused("method");
        String address = service + request.target();
        if (!address.equals(claims.get("target_uri"))) throw new Refused("target");
        if (!digest.equals(claims.get("body_sha256"))) throw new Refused("body");
        if (!request.interactionId().equals(claims.get("interaction_id"))) {
            throw new Refused("interaction");
        }
    }

    private Map<String, Object> verified(String value) throws Refused, GeneralSecurityException {
        if (value.length() > CHARACTERS || !COMPACT.matcher(value).matches()) {
            throw new Refused("malformed");
        }
        String[] parts = value.split("\\.");
        Map<String, Object> header = Json.object(text(parts[0]));
        if (!header.keySet().equals(Set.of("alg", "kid", "typ"))
                || !"openfinance-identity+jwt".equals(header.get("typ"))) {
            throw new Refused("malformed");
        }
        PublicKey key = keys.get(String.valueOf(header.get("kid")));
        if (key == null) throw new Refused("key_unknown");
        Signature signature = Signature.getInstance("SHA256withECDSAinP1363Format");
        signature.initVerify(key);
        signature.update((parts[0] + "." + parts[1]).getBytes(StandardCharsets.US_ASCII));
        if (!"ES256".equals(header.get("alg")) || !signature.verify(decoded(parts[2]))) {
            throw new Refused("signature");
        }
        return Json.object(text(parts[1]));
    }

    private synchronized void use(String jti, long until, long now) throws Refused {
        used.values().removeIf(end -> end < now);
        if (used.putIfAbsent(jti, until) != null) throw new Refused("replayed");
    }

    private static long seconds(Map<String, Object> claims, String name) throws Refused {
        if (claims.get(name) instanceof Long value) return value;
        throw new Refused("malformed");
    }

    private static Map<String, PublicKey> keysIn(String jwks)
            throws GeneralSecurityException, Refused {
        Map<String, PublicKey> found = new HashMap<>();
        for (Object each : (List<?>) Json.object(jwks).get("keys")) {
            Map<?, ?> key = (Map<?, ?>) each;
            if (!"EC".equals(key.get("kty")) || !"P-256".equals(key.get("crv"))) continue;
            BigInteger x = new BigInteger(1, decoded((String) key.get("x")));
            BigInteger y = new BigInteger(1, decoded((String) key.get("y")));
            AlgorithmParameters curve = AlgorithmParameters.getInstance("EC");
            curve.init(new ECGenParameterSpec("secp256r1"));
            ECParameterSpec named = curve.getParameterSpec(ECParameterSpec.class);
            ECPublicKeySpec point = new ECPublicKeySpec(new ECPoint(x, y), named);
            found.put((String) key.get("kid"), KeyFactory.getInstance("EC").generatePublic(point));
        }
        return found;
    }

    private static String text(String part) throws Refused {
        try {
            ByteBuffer bytes = ByteBuffer.wrap(decoded(part));
            return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException error) {
            throw new Refused("malformed");
        }
    }

    private static byte[] decoded(String part) throws Refused {
        try {
            return Base64.getUrlDecoder().decode(part);
        } catch (IllegalArgumentException error) {
            throw new Refused("malformed");
        }
    }

    public static void main(String[] args) throws Exception {
        String jwks = Files.readString(Path.of(args[0]));
        IdentityCheck checker = new IdentityCheck(jwks, args[1], args[2], args[3]);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] told = line.split("\t", -1);
            List<String> values = told[2].isEmpty() ? List.of() : List.of(told[2]);
            byte[] body = Base64.getDecoder().decode(told[4]);
            Request request = new Request(told[0], told[1], values, told[3], body);
            try {
                Map<String, Object> claims = checker.check(request, told[5].equals("call"));
                System.out.println("believed " + claims.get("client_id"));
            } catch (Refused refused) {
                System.out.println("refused " + refused.getMessage());
            }
        }
    }

    /** A small reader of JSON, for the sake of having no library; use the one you have. */
    private static final class Json {
        private final String text;
        private int at = 0;

        private Json(String text) {
            this.text = text;
        }

        @SuppressWarnings("unchecked")
        static Map<String, Object> object(String text) throws Refused {
            try {
                Json json = new Json(text);
                Object value = json.value(0);
                json.space();
                if (json.at == text.length() && value instanceof Map<?, ?> map) {
                    return (Map<String, Object>) map;
                }
            } catch (StringIndexOutOfBoundsException | NumberFormatException error) {
                throw new Refused("malformed");
            }
            throw new Refused("malformed");
        }

        private Object value(int depth) throws Refused {
            if (depth > 16) throw new Refused("malformed");
            space();
            char first = text.charAt(at);
            if (first == '{') return members(depth);
            if (first == '[') return elements(depth);
            if (first == '"') return string();
            for (String word : List.of("true", "false", "null")) {
                if (text.startsWith(word, at)) {
                    at += word.length();
                    return word.equals("null") ? null : (Object) word.equals("true");
                }
            }
            int from = at;
            while (at < text.length() && "-+.eE0123456789".indexOf(text.charAt(at)) >= 0) at++;
            String number = text.substring(from, at);
            if (number.matches("-?(0|[1-9][0-9]*)")) return Long.valueOf(number);
            return Double.valueOf(number);
        }

        private Map<String, Object> members(int depth) throws Refused {
            Map<String, Object> found = new LinkedHashMap<>();
            at++;
            space();
            if (text.charAt(at) == '}') at++;
            else {
                do {
                    space();
                    String name = string();
                    space();
                    if (text.charAt(at++) != ':') throw new Refused("malformed");
                    if (found.containsKey(name)) throw new Refused("malformed");
                    found.put(name, value(depth + 1));
                    space();
                } while (text.charAt(at++) == ',');
                if (text.charAt(at - 1) != '}') throw new Refused("malformed");
            }
            return found;
        }

        private List<Object> elements(int depth) throws Refused {
            List<Object> found = new ArrayList<>();
            at++;
            space();
            if (text.charAt(at) == ']') at++;
            else {
                do {
                    found.add(value(depth + 1));
                    space();
                } while (text.charAt(at++) == ',');
                if (text.charAt(at - 1) != ']') throw new Refused("malformed");
            }
            return found;
        }

        private String string() throws Refused {
            if (text.charAt(at++) != '"') throw new Refused("malformed");
            StringBuilder read = new StringBuilder();
            for (char each = text.charAt(at++); each != '"'; each = text.charAt(at++)) {
                if (each < ' ') throw new Refused("malformed");
                read.append(each == '\\' ? escaped() : each);
            }
            return read.toString();
        }

        private char escaped() throws Refused {
            char each = text.charAt(at++);
            if (each == 'u') {
                at += 4;
                return (char) Integer.parseInt(text.substring(at - 4, at), 16);
            }
            int known = "\"\\/bfnrt".indexOf(each);
            if (known < 0) throw new Refused("malformed");
            return "\"\\/\b\f\n\r\t".charAt(known);
        }

        private void space() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
        }
    }
}
