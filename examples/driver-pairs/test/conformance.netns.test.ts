import { describeConformance } from "@netkit/conformance/vitest";

await describeConformance({ module: new URL("../src/index.ts", import.meta.url) });
