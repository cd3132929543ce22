/**
 * Address arithmetic, subnet planning, pools and allocation: pure, state in, result out.
 *
 * @packageDocumentation
 */
export * from "./address.ts";
export * from "./allocate.ts";
export * from "./default-route.ts";
export * from "./mac.ts";
export * from "./pools.ts";
export * from "./subnet.ts";
export { countAssignable } from "./reserved.ts";
