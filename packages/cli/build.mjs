// Bundles the command: a front that parses, explains, reads the state and prints; what changes the kernel; the rest.
import { chmodSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { build } from "rolldown";

/**
 * `import ... from "node:fs"` makes Node load everything that the module ever exports, streams included. Our own packages
 * get what they import of a built-in module alone, and a function's module when it is first called: 12 ms of 50. Each
 * importer has its own forwards, so that none makes two chunks depend on each other.
 */
const lazyBuiltins = {
  name: "lazy-builtins",
  resolveId(source, importer) {
    if (!source.startsWith("node:") || importer === undefined || importer.includes("/node_modules/")) return null;
    return { id: `\0${source}?${importer}`, moduleSideEffects: false };
  },
  async load(id) {
    const [, path] = /^\0(node:.*)\?/.exec(id) ?? [];
    if (path === undefined) return null;
    const exported = Object.entries(await import(path)).filter(([name]) => name !== "default");
    return exported.map(([name, value]) => forward(path, name, value)).join("\n");
  },
};

/** What CommonJS packages require of Node, which an ES module has no `require` for. */
const requiredBuiltins = {
  name: "required-builtins",
  resolveId: (source, _, { kind }) => (kind === "require-call" && isBuiltin(source) ? `\0required:${source}` : null),
  load(id) {
    const [, path] = /^\0required:(.*)/.exec(id) ?? [];
    return path === undefined ? null : `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`;
  },
};

function forward(path, name, value) {
  const original = `process.getBuiltinModule("${path}").${name}`;
  const isClassOrConstant = typeof value !== "function" || /^[A-Z]/.test(name);
  return isClassOrConstant
    ? `export const ${name} = /* @__PURE__ */ (() => ${original})();`
    : `export function ${name}(...given) { return ${original}(...given); }`;
}

/** One letter that isn't ASCII has Node decode the whole file, and V8 keep two bytes for each of its characters: 2 ms of 50. */
const asciiOnly = {
  name: "ascii-only",
  generateBundle(_, bundle) {
    for (const chunk of Object.values(bundle)) chunk.code = chunk.code.replaceAll(/[^\0-\x7f]/g, escaped);
  },
};

function escaped(unit) {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

// Each file that is loaded costs 0.4 ms: what commands need together is one chunk.
const groups = [
  { name: "front", test: /\/cli\/src\/main\.ts$/, priority: 2 },
  { name: "change", test: /\/(engine\/src\/system|driver-bridge\/src\/index)\.ts$/, priority: 1 },
];

// Tests build into a folder of their own.
const dir = process.argv[2] ?? "dist";
rmSync(`${import.meta.dirname}/${dir}/chunks`, { recursive: true, force: true });
await build({
  cwd: import.meta.dirname,
  input: { netkit: "src/bin.ts" },
  platform: "node",
  // A native addon; and a suite that starts processes of its own files.
  external: ["koffi", "@netkit/conformance"],
  plugins: [requiredBuiltins, lazyBuiltins, asciiOnly],
  output: {
    dir,
    chunkFileNames: "chunks/[name]-[hash].js",
    codeSplitting: { groups },
    // Names of classes and functions show in errors.
    minify: { mangle: false },
    comments: { legal: true, annotation: false, jsdoc: false },
  },
  // Who is imported at once by some and when needed by others is in one chunk with the former, which is meant.
  checks: { ineffectiveDynamicImport: false },
  logLevel: "warn",
});
chmodSync(`${import.meta.dirname}/${dir}/netkit.js`, 0o755);
