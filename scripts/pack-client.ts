/** `npm run pack:client`: makes `@fantail/client` in `dist/`, ready to be installed or published. */
import { stat } from "node:fs/promises";
import { relative } from "node:path";
import { makeClientPackage } from "./client-package.ts";

const { tarball } = await makeClientPackage("dist");
const { size } = await stat(tarball);
console.log(`${relative(".", tarball)} (${Math.ceil(size / 1_000)} kB)`);
