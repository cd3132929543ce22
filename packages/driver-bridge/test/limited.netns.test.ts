import { describeConformance } from "@netkit/conformance/vitest";

await describeConformance(
  { module: new URL("limited.ts", import.meta.url) },
  { only: ["DRV-EXPLAIN", "DRV-ATTACH-003", "DRV-REMOVE", "DRV-DRIFT-001", "DRV-DRIFT-002", "DRV-FAULT-001"] },
);
