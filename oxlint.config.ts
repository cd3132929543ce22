import { defineConfig } from "oxlint";
import type { OxlintOverride } from "oxlint";

/**
 * What a package may import outside its tests, beside its own files. A package that is missing here may import anything.
 * `node:*` stands for Node's built-in modules without node:child_process, which has to be named.
 */
const layers: Record<string, string[]> = {
  core: ["zod", "ipaddr.js"],
  ipam: ["@netkit/core", "node:crypto"],
  "driver-*": ["@netkit/core", "@netkit/ipam", "zod"],
  netlink: ["koffi", "node:*"],
  kernel: ["@netkit/core", "@netkit/netlink", "node:*"],
  netfilter: ["@netkit/core", "@netkit/netlink", "koffi", "execa", "node:*"],
  sandbox: ["@netkit/core", "@netkit/netlink", "node:*", "node:child_process"],
  "store-*": ["@netkit/core", "node:*"],
  dns: ["@netkit/core", "dns-packet", "node:crypto", "node:dgram", "node:net"],
  engine: [
    "@netkit/core",
    "@netkit/ipam",
    "@netkit/kernel",
    "@netkit/netfilter",
    "@netkit/netlink",
    "@netkit/sandbox",
    "@netkit/store-sqlite",
    "yaml",
    "zod",
    "node:*",
  ],
  agent: [
    "@netkit/core",
    "@netkit/dns",
    "@netkit/engine",
    "@netkit/kernel",
    "@netkit/netlink",
    "@netkit/sandbox",
    "zod",
    "node:*",
  ],
  runtime: ["@netkit/core", "@netkit/engine", "node:*"],
  "runtime-cni": ["@netkit/core", "@netkit/engine", "@netkit/runtime", "zod", "node:*"],
  "runtime-netavark": [
    "@netkit/core",
    "@netkit/engine",
    "@netkit/ipam",
    "@netkit/netlink",
    "@netkit/runtime",
    "zod",
    "node:*",
  ],
  "runtime-docker": ["@netkit/agent", "@netkit/core", "@netkit/engine", "@netkit/ipam", "zod", "node:*"],
  fuzzing: ["fast-check", "vitest"],
  conformance: [
    "@netkit/core",
    "@netkit/engine",
    "@netkit/kernel",
    "@netkit/netfilter",
    "@netkit/netlink",
    "@netkit/store-sqlite",
    "execa",
    "fast-check",
    "vitest",
    "node:*",
  ],
};

const tests = ["**/*.test.ts", "packages/*/test/**"];

function layer([name, allowed]: [string, string[]]): OxlintOverride {
  const childProcess = allowed.includes("node:child_process") ? [] : ["node:child_process"];
  return {
    files: [`packages/${name}/src/**`],
    excludeFiles: tests,
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              // As in a .gitignore, the last line that matches decides.
              group: [
                "*",
                "!.",
                "!..",
                "!./**",
                "!../**",
                "!@netkit",
                "@netkit/*",
                ...allowed.flatMap((source) => [`!${source}`, `!${source}/**`]),
                ...childProcess,
              ],
              message: `${name} imports nothing but ${allowed.join(", ")} (see CONTRIBUTING.md, Layers)`,
            },
          ],
        },
      ],
    },
  };
}

// oxlint-disable-next-line import/no-default-export -- oxlint reads the default export
export default defineConfig({
  options: { typeAware: true },
  plugins: ["typescript", "unicorn", "oxc", "import", "promise", "node", "vitest"],
  categories: { correctness: "error", suspicious: "error" },
  rules: {
    "typescript/no-explicit-any": "error",
    "typescript/no-floating-promises": "error",
    "typescript/no-misused-promises": "error",
    "typescript/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
    "typescript/no-unsafe-type-assertion": "off",
    "import/no-default-export": "error",
    "no-console": "error",
    // vitest's expect takes a message beside the value.
    "vitest/valid-expect": ["error", { maxArgs: 2 }],
    // Of what tests of one place expect in the same way there is one function.
    "vitest/expect-expect": ["error", { assertFunctionNames: ["expect*", "fuzz"] }],
    "no-await-in-loop": "off",
    "no-shadow": "off",
    "typescript/consistent-return": "off",
    "typescript/no-unnecessary-type-parameters": "off",
  },
  overrides: [
    ...Object.entries(layers).map(layer),
    // Those that talk to a person; libraries never do.
    { files: [".ci/**", "packages/cli/**", "examples/**", "bench/**", "vm/**"], rules: { "no-console": "off" } },
    // What is to be expected of an input follows from whether it is refused.
    { files: ["**/fuzz.test.ts"], rules: { "vitest/no-conditional-expect": "off" } },
  ],
  ignorePatterns: ["**/dist/**"],
});
