import { formatPortSpec } from "@netkit/core";
import { expect, test } from "vitest";
import { portSpecs } from "../src/ports.ts";

test.each([
  [{ hostPort: 8080, containerPort: 80 }, ["8080:80/tcp"]],
  [{ hostPort: 0, containerPort: 80 }, []],
  [{ hostPort: 53, containerPort: 53, protocol: "UDP" }, ["53:53/udp"]],
  [{ hostPort: 53, containerPort: 53, protocol: "tcp,udp" }, ["53:53/tcp", "53:53/udp"]],
  [{ hostPort: 8000, containerPort: 80, range: 3 }, ["8000-8002:80-82/tcp"]],
  [{ hostPort: 8000, containerPort: 80, range: 0, protocol: "" }, ["8000:80/tcp"]],
  [{ hostPort: 80, containerPort: 80, hostAddress: "192.0.2.1" }, ["192.0.2.1:80:80/tcp"]],
  [{ hostPort: 80, containerPort: 80, hostAddress: "::1" }, ["[::1]:80:80/tcp"]],
])("%j is published as %j", (mapping, specs) => {
  expect(portSpecs(mapping).map(formatPortSpec)).toEqual(specs);
});
