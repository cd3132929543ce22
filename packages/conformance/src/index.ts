/**
 * The rules that every netkit driver and store keeps, as cases that anybody can run against theirs.
 *
 * @packageDocumentation
 */
export { tiers } from "./case.ts";
export type { Case, CaseContext, Requirement, Tier } from "./case.ts";
export { driverCases } from "./cases/index.ts";
export { casesFor, runConformance } from "./run.ts";
export type { CaseResult, ConformanceOptions, ConformanceReport } from "./run.ts";
export { loadSubject } from "./lab/subject.ts";
export type { Subject } from "./lab/subject.ts";
export { missingRequirement } from "./requirements.ts";
export type { StoreCase, StoreCaseContext, StoreServers, StoreSpace, StoreSubject } from "./store/case.ts";
export { storeCases } from "./store/index.ts";
export { runStoreCase, runStoreConformance, storeCasesFor } from "./store/run.ts";
export type { StoreConformanceOptions, StoreConformanceReport } from "./store/run.ts";
export type { Tally, Verdict } from "./verdict.ts";
