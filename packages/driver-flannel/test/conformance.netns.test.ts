import { casesFor } from "@netkit/conformance";
import { describeConformance } from "@netkit/conformance/vitest";
import { driver } from "./lab.ts";

const module = new URL("lab.ts", import.meta.url);
const faults = "DRV-FAULT-";
const only = casesFor(driver()).flatMap(({ id }) => (id.startsWith(faults) ? [] : [id]));

await describeConformance({ module }, { only });
await describeConformance({ module, export: "narrow" }, { only: [faults] });
