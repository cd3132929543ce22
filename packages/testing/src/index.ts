/**
 * Hosts for tests, the leak oracle and fault injection: conformance has them, so that everybody's drivers can be
 * tested with them.
 *
 * @packageDocumentation
 */
export * from "@netkit/conformance/lab";
