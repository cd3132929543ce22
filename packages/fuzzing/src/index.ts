/**
 * Fuzzing for a fixed time, with inputs that are nearly right: what is right at random finds the way past the first check.
 *
 * @packageDocumentation
 */
export { fuzz } from "./fuzz.ts";
export { bytesNear, jsonNear, textNear } from "./near.ts";
