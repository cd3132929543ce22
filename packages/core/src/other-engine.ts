/** Whether an endpoint is another engine's: one that takes its interface, or whose namespace it is in, and that removes it. */
export function isAnotherEngines(endpoint: {
  readonly handedOver?: boolean;
  readonly leavesDefaultRoute?: boolean;
}): boolean {
  return endpoint.handedOver === true || endpoint.leavesDefaultRoute === true;
}
