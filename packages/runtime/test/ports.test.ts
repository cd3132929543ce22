import { parseIp, parsePortSpec, type PublishedPort } from "@netkit/core";
import { expect, test } from "vitest";
import { portSpecs, unpublished } from "../src/ports.ts";

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
  expect(portSpecs(mapping)).toEqual(specs);
  for (const spec of specs) expect(parsePortSpec(spec)).toMatchObject({ port: { first: mapping.containerPort } });
});

const web: PublishedPort = { protocol: "tcp", hostPort: { first: 8080, last: 8080 }, port: { first: 80, last: 80 } };

test.each([
  [web, []],
  [{ ...web, hostAddress: parseIp("192.0.2.1") }, []],
  [{ ...web, protocol: "udp" } as const, ["8080:80/tcp"]],
  [{ ...web, port: { first: 81, last: 81 } }, ["8080:80/tcp"]],
  [{ ...web, hostPort: { first: 8080, last: 8081 }, port: { first: 80, last: 81 } }, ["8080:80/tcp"]],
  [{ ...web, routed: true } as const, ["8080:80/tcp"]],
])("a container that publishes %j has %j to be published yet", (port, left) => {
  expect(unpublished(["8080:80/tcp"], [{ ports: [] }, { ports: [port] }])).toEqual(left);
});

test("ports of two addresses of the host are two", () => {
  const ports = [{ ...web, hostAddress: parseIp("192.0.2.1") }];
  const specs = ["192.0.2.1:8080:80/tcp", "192.0.2.2:8080:80/tcp"];
  expect(unpublished(specs, [{ ports }])).toEqual(["192.0.2.2:8080:80/tcp"]);
});
