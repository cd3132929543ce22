import { describeConformance } from "@netkit/conformance/vitest";

await describeConformance({ module: new URL("lab.ts", import.meta.url) });
