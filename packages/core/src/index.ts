/**
 * The contract between netkit's parts: what a network, an endpoint and a sandbox are, what a driver says, what a
 * store keeps and what a handler does. Nothing here touches the system.
 *
 * @packageDocumentation
 */
export * from "./address.ts";
export * from "./backoff.ts";
export * from "./codes.ts";
export * from "./digest.ts";
export * from "./driver.ts";
export * from "./driver-file.ts";
export * from "./endpoint-option.ts";
export * from "./errors.ts";
export * from "./guard.ts";
export * from "./ids.ts";
export * from "./instance.ts";
export * from "./interface-resources.ts";
export * from "./model.ts";
export * from "./mtu.ts";
export * from "./name.ts";
export * from "./nearest.ts";
export * from "./network-option.ts";
export * from "./network-route.ts";
export * from "./option.ts";
export * from "./other-engine.ts";
export * from "./outside.ts";
export * from "./parse-options.ts";
export * from "./parent.ts";
export * from "./parent-option.ts";
export * from "./plan.ts";
export * from "./port.ts";
export * from "./quoted.ts";
export * from "./resource-key.ts";
export * from "./resource.ts";
export * from "./sources.ts";
export * from "./stable-json.ts";
export * from "./store-entry.ts";
export * from "./store-with.ts";
export * from "./store.ts";
export * from "./tls-failure.ts";
