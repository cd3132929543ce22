import { NetkitError } from "@netkit/core";
import { describe, expect, test } from "vitest";
import { template } from "./template.ts";

const data = {
  Name: "web",
  Internal: false,
  IPAM: { Config: [{ Subnet: "10.0.0.0/24" }, { Subnet: "fd00::/64" }] },
  Options: { "com.example.mtu": "1400" },
  Containers: {},
};

test.each([
  ["{{.Name}}", "web"],
  ["{{ .Name }}!", "web!"],
  ["{{.Name}}\\t{{.Internal}}", "web\tfalse"],
  ["{{json .IPAM.Config}}", '[{"Subnet":"10.0.0.0/24"},{"Subnet":"fd00::/64"}]'],
  ["{{json .}}", JSON.stringify(data)],
  ["{{range .IPAM.Config}}{{.Subnet}} {{end}}", "10.0.0.0/24 fd00::/64 "],
  ["{{range .IPAM.Config}}{{$.Name}}{{end}}", "webweb"],
  ["{{range .Containers}}x{{else}}none{{end}}", "none"],
  ["{{if .Internal}}in{{else}}out{{end}}", "out"],
  ["{{if .Name}}{{if .Containers}}c{{else}}empty{{end}}{{end}}", "empty"],
  ['{{index .Options "com.example.mtu"}}', "1400"],
  ['{{index .IPAM.Config "1"}}', '{"Subnet":"fd00::/64"}'],
  ["{{len .IPAM.Config}}", "2"],
  ["a {{- .Name -}} b", "awebb"],
  ["plain", "plain"],
])("%s gives %j", (source, expected) => {
  expect(template(source)(data)).toBe(expected);
});

describe("refusals", () => {
  test.each([
    ["{{.Nmae}}", "there is no field 'Nmae'"],
    ["{{.Name", "a '{{' is not closed"],
    ["{{}}", "'{{}}' holds nothing"],
    ["{{range .IPAM.Config}}", "'range' without 'end'"],
    ["{{end}}", "'end' without"],
    ["{{jsn .}}", "unknown function 'jsn'"],
    ["{{.Name | upper}}", "can't understand '| upper'"],
    ["{{.constructor}}", "there is no field 'constructor'"],
  ])("%s: %s", (source, message) => {
    expect(() => template(source)(data)).toThrow(NetkitError);
    expect(() => template(source)(data)).toThrow(message);
  });

  test("a field's nearest name is in the hint", () => {
    expect(() => template("{{.Nmae}}")(data)).toThrow(expect.objectContaining({ hint: "Did you mean 'Name'?" }));
  });
});
