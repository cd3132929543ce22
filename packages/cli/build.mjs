// Bundles the command: a front that parses, explains and prints, and chunks for the engine and each driver.
import { chmodSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { build } from "esbuild";

/**
 * `import ... from "node:fs"` makes Node load everything that the module ever exports, streams included. Our own packages
 * get what they import of a built-in module alone, and a function's module when it is first called: 12 ms of 50.
 */
const lazyBuiltins = {
  name: "lazy-builtins",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^node:/ }, ({ path, importer }) =>
      importer.includes("/node_modules/") ? undefined : { path, namespace: "lazy", sideEffects: false },
    );
    onLoad({ filter: /^/, namespace: "lazy" }, async ({ path }) => {
      const exported = Object.entries(await import(path)).filter(([name]) => name !== "default");
      return { contents: exported.map(([name, value]) => forward(path, name, value)).join("\n") };
    });
  },
};

/** What CommonJS packages require of Node, which an ES module has no `require` for. */
const requiredBuiltins = {
  name: "required-builtins",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^/ }, ({ path, kind }) =>
      kind === "require-call" && isBuiltin(path) ? { path, namespace: "required" } : undefined,
    );
    onLoad({ filter: /^/, namespace: "required" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

function forward(path, name, value) {
  const original = `process.getBuiltinModule("${path}").${name}`;
  const isClassOrConstant = typeof value !== "function" || /^[A-Z]/.test(name);
  return isClassOrConstant
    ? `export const ${name} = /* @__PURE__ */ (() => ${original})();`
    : `export function ${name}(...given) { return ${original}(...given); }`;
}

// Tests build into a folder of their own.
const outdir = process.argv[2] ?? "dist";
rmSync(join(import.meta.dirname, outdir, "chunks"), { recursive: true, force: true });
await build({
  absWorkingDir: import.meta.dirname,
  entryPoints: { netkit: "src/bin.ts" },
  outdir,
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  minify: true,
  // Names of classes and functions show in errors.
  keepNames: true,
  format: "esm",
  platform: "node",
  target: "node24",
  // A native addon; and a suite that starts processes of its own files.
  external: ["koffi", "@netkit/conformance"],
  plugins: [requiredBuiltins, lazyBuiltins],
  legalComments: "linked",
  logLevel: "warning",
}).catch(() => process.exit(1)); // esbuild has said why
chmodSync(join(import.meta.dirname, outdir, "netkit.js"), 0o755);
