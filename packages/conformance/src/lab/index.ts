/**
 * What kernel tests need: hosts to play with, a leak oracle, traffic, faults.
 *
 * @packageDocumentation
 */
export { createHost, hostIpv4, hostIpv6, outsideIpv4, outsideIpv6 } from "./host.ts";
export type { Host, HostOptions } from "./host.ts";
export { lastingRules } from "./lasting-rules.ts";
export { compareSnapshots, takeSnapshot } from "./snapshot.ts";
export type { Snapshot, SnapshotOptions } from "./snapshot.ts";
export { spaceOf } from "./space.ts";
export type { Space } from "./space.ts";
export { timeScale } from "./time-scale.ts";
export { ping, reach, serve } from "./traffic.ts";
export type { Echo, Outcome, Target } from "./traffic.ts";
export { sweep } from "./sweep.ts";
export type { Course, Sweep, SweepOptions } from "./sweep.ts";
export type { Complaint } from "./complaint.ts";
export { loadSubject } from "./subject.ts";
export type { Subject } from "./subject.ts";
