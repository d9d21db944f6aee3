/** `node node.ts <place as JSON>`: the flow in Node, with a sink of `node:http`; it writes what happened to standard output. */
import { createServer } from "node:http";
import { verifyWebhook, type VerifiedWebhook } from "../../../src/client/index.ts";
import { run } from "./flow.ts";

let secrets = "";
let last: VerifiedWebhook | null = null;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    verifyWebhook({ headers: request.headers, body: Buffer.concat(chunks), secrets }).then(
      (webhook) => {
        last = webhook;
        response.writeHead(204).end();
      },
      (error: unknown) => response.writeHead(401).end(String(error)),
    );
  });
});
await new Promise<void>((resolve) => {
  server.listen(0, "127.0.0.1", resolve);
});
const address = server.address();
const port = typeof address === "object" ? address?.port : null;
const sink = `http://127.0.0.1:${port}/hooks`;
const given = JSON.parse(process.argv[2] ?? "{}");
const told = await run({ ...given, sink }, { expect: (secret) => (secrets = secret), received: () => last });
console.log(JSON.stringify(told));
server.closeAllConnections();
server.close();
