/** The flow in a Worker, which is its own sink: `POST /run` with the place answers what happened. */
import { verifyWebhook, WebhookVerificationError, type VerifiedWebhook } from "../../../src/client/index.ts";
import { run } from "./flow.ts";

let secrets = "";
let last: VerifiedWebhook | null = null;

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/hooks") return hook(request);
    const given = await request.json<Parameters<typeof run>[0]>();
    const told = await run(given, { expect: (secret) => (secrets = secret), received: () => last });
    return Response.json(told);
  },
};

async function hook(request: Request): Promise<Response> {
  try {
    last = await verifyWebhook({ request, secrets });
    return new Response(null, { status: 204 });
  } catch (error) {
    if (error instanceof WebhookVerificationError) return new Response(error.reason, { status: 401 });
    throw error;
  }
}
