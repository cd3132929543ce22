import { refusingRoutes } from "@netkit/core";
import type { EndpointRequest, NetworkRequest, SandboxRequest } from "@netkit/engine";
import * as z from "zod";

/** Bodies of requests: the library's own requests as JSON. What the values mean is checked by the engine. */

const text = z.string().min(1).max(1_000);
const options = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const labels = z.record(z.string(), z.string());
const ports = z.array(text).max(10_000);

export const revision: z.ZodType<{ revision: number }> = z.strictObject({ revision: z.int().min(0) });
export const serving: z.ZodType<{ serving: boolean }> = z.strictObject({ serving: z.boolean() });
export const expectation: z.ZodType<{ namespace: string }> = z.strictObject({ namespace: z.string().length(64) });

const subnetInput = z.strictObject({
  subnet: text.exactOptional(),
  gateway: text.exactOptional(),
  range: text.exactOptional(),
  auxiliary: z.record(z.string(), text).exactOptional(),
});

const routeInput = z.strictObject({
  destination: text,
  gateway: text.exactOptional(),
  elsewhere: z.boolean().exactOptional(),
  type: z.enum(refusingRoutes).exactOptional(),
  metric: z.int().exactOptional(),
});

export const networkRequest: z.ZodType<NetworkRequest> = z.strictObject({
  name: text,
  driver: text.exactOptional(),
  subnets: z.array(subnetInput).max(100).exactOptional(),
  routes: z.array(routeInput).max(1_000).exactOptional(),
  ipv4: z.boolean().exactOptional(),
  ipv6: z.boolean().exactOptional(),
  addresses: z.boolean().exactOptional(),
  internal: z.boolean().exactOptional(),
  configOnly: z.boolean().exactOptional(),
  configFrom: text.exactOptional(),
  options: options.exactOptional(),
  labels: labels.exactOptional(),
});

export const endpointRequest: z.ZodType<EndpointRequest> = z.strictObject({
  network: text,
  ip: text.exactOptional(),
  ip6: text.exactOptional(),
  mac: text.exactOptional(),
  aliases: z.array(text).exactOptional(),
  publish: ports.exactOptional(),
  ifName: text.exactOptional(),
  gatewayPriority: z.int().exactOptional(),
  metric: z.int().exactOptional(),
  linkLocal: z.array(text).exactOptional(),
  sysctls: z.record(z.string(), text).exactOptional(),
  options: options.exactOptional(),
  labels: labels.exactOptional(),
  tunable: z.boolean().exactOptional(),
  portsHeld: z.boolean().exactOptional(),
});

export const sandboxRequest: z.ZodType<SandboxRequest> = z.strictObject({
  name: text.exactOptional(),
  networks: z.array(z.union([text, endpointRequest])).exactOptional(),
  netns: text.exactOptional(),
  pid: z.int().min(1).exactOptional(),
  hostname: text.exactOptional(),
  domainname: text.exactOptional(),
  dns: z
    .strictObject({
      servers: z.array(text).exactOptional(),
      search: z.array(text).exactOptional(),
      options: z.array(text).exactOptional(),
    })
    .exactOptional(),
  hosts: z.array(z.strictObject({ address: text, name: text })).exactOptional(),
  sysctls: z.record(z.string(), text).exactOptional(),
  labels: labels.exactOptional(),
  autoRemove: z.boolean().exactOptional(),
});

export const portsRequest: z.ZodType<{ ports: string[] }> = z.strictObject({ ports });

export const doctorRequest: z.ZodType<{ repair: boolean }> = z.strictObject({ repair: z.boolean().default(false) });
