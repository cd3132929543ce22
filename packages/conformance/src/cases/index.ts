import type { Case } from "../case.ts";
import { attachCases } from "./attach.ts";
import { declarationCases } from "./declaration.ts";
import { driftCases } from "./drift.ts";
import { faultCases } from "./fault.ts";
import { peerCases } from "./peers.ts";
import { planCases } from "./plan.ts";
import { publishCases } from "./publish.ts";
import { resourceCases } from "./resource.ts";
import { sharedCases } from "./shared.ts";
import { trafficCases } from "./traffic.ts";

/** Every case for drivers, in the order in which they tell most: a driver that breaks an early one breaks later ones too. */
export const driverCases: readonly Case[] = [
  ...declarationCases,
  ...resourceCases,
  ...peerCases,
  ...publishCases,
  ...planCases,
  ...attachCases,
  ...driftCases,
  ...sharedCases,
  ...trafficCases,
  ...faultCases,
];
