import { describeStoreConformance } from "@netkit/conformance/vitest";
import { sqlite } from "./stores/sqlite.ts";

describeStoreConformance(sqlite);
