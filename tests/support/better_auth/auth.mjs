// Better Auth as its documentation has it, with the algorithm that ALG names.
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { bearer, jwt } from "better-auth/plugins";
import { SignJWT } from "jose";

const alg = process.env.ALG;
const hs256 = {
  jwks: { remoteUrl: "https://unused.invalid", keyPairConfig: { alg: "EdDSA" } },
  jwt: {
    sign: (claims) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .sign(new TextEncoder().encode(process.env.BETTER_AUTH_SECRET)),
  },
};
const options = alg === "HS256" ? hs256 : { jwks: { keyPairConfig: { alg } } };

export const auth = betterAuth({
  database: memoryAdapter({
    user: [],
    session: [],
    account: [],
    verification: [],
    jwks: [],
  }),
  emailAndPassword: { enabled: true },
  // The default, EdDSA, is what jwt() does without any option.
  plugins: [bearer(), alg === "EdDSA" ? jwt() : jwt(options)],
});
