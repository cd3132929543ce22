import { defineConfig } from "vitest/config";
import { BalancedShards } from "./.ci/shards.ts";

// Tiers by suffix (CONTRIBUTING.md, Tests). `npm test` runs them in order, the kernel tier in namespaces of its own.
const packages = (suffix: string) => [`packages/*/{src,test}/**/*${suffix}`, `examples/**/*${suffix}`];
const fuzzSeconds = Number(process.env["NETKIT_FUZZ_SECONDS"] ?? 0);
const slow = { testTimeout: 60_000 + fuzzSeconds * 2_000, hookTimeout: 60_000 };

const timeScale = Number(process.env["NETKIT_TIME_SCALE"] ?? 1);

// oxlint-disable-next-line import/no-default-export -- vitest reads the default export
export default defineConfig({
  test: {
    allowOnly: !process.env["CI"],
    sequence: { sequencer: BalancedShards },
    projects: [
      {
        test: {
          name: "unit",
          ...slow,
          // Starting a process for each file took longer than all tests.
          isolate: false,
          include: packages(".test.ts"),
          exclude: ["**/node_modules/**", "**/*.*.test.ts"],
        },
      },
      {
        test: { name: "kernel", include: packages(".netns.test.ts"), pool: "forks", fileParallelism: false, ...slow },
      },
      {
        test: {
          name: "runtimes",
          include: packages(".runtime.test.ts"),
          pool: "forks",
          fileParallelism: false,
          testTimeout: 120_000 * timeScale,
          hookTimeout: 120_000 * timeScale,
        },
      },
      {
        test: {
          name: "hosts",
          include: ["vm/suite/*.test.ts"],
          pool: "forks",
          fileParallelism: false,
          testTimeout: 120_000 * timeScale,
          hookTimeout: 120_000 * timeScale,
        },
      },
      {
        test: { name: "soak", include: packages(".soak.test.ts"), pool: "forks", ...slow },
      },
      {
        test: { name: "gates", include: [".ci/*.gate.test.ts"], ...slow },
      },
      {
        test: { name: "packed", include: [".ci/*.packed.test.ts"], testTimeout: 300_000, hookTimeout: 300_000 },
      },
    ],
  },
});
