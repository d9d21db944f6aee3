/** `npm run pack:cli`: makes `@fantail/cli` in `dist/`, ready to be installed or published. */
import { stat } from "node:fs/promises";
import { relative } from "node:path";
import { makeCliPackage } from "./cli-package.ts";

const { tarball } = await makeCliPackage("dist");
const { size } = await stat(tarball);
console.log(`${relative(".", tarball)} (${Math.ceil(size / 1_000)} kB)`);
