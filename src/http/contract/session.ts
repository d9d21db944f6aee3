/** What requests say of a session: the schema that validates them. */
import * as z from "zod";
import { SESSION_KEY_CHARS_MAX } from "../../core/limits.ts";

export const sessionBody = z
  .strictObject({
    key: z
      .string()
      .min(1)
      .max(SESSION_KEY_CHARS_MAX)
      .meta({
        description: "The root key, or a key of a bus.",
        examples: ["ftk_default_4fGh7Jk2Lm9Np3Qr5St8Uv_Wx1Yz6Ab"],
      }),
  })
  .meta({ id: "SessionCreate", description: "Who signs in." });
