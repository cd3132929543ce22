import { describeConformance } from "@netkit/conformance/vitest";

// What the engine does with a driver of many hosts is tested with the stores that they share.
await describeConformance({ module: new URL("../src/index.ts", import.meta.url) }, { tiers: ["contract"] });
