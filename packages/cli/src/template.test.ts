import { NetkitError } from "@netkit/core";
import { describe, expect, test } from "vitest";
import { template } from "./template.ts";

const data = {
  Name: "web",
  Internal: false,
  IPAM: { Config: [{ Subnet: "10.0.0.0/24" }, { Subnet: "fd00::/64" }] },
  Options: { "com.example.mtu": "1400" },
  Containers: {},
  Ports: { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "8080" }], "53/udp": null },
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
  ["{{(index .IPAM.Config 0).Subnet}}", "10.0.0.0/24"],
  ['{{(index (index .Ports "80/tcp") 0).HostPort}}', "8080"],
  ["{{ ( index .IPAM.Config 1 ).Subnet }}", "fd00::/64"],
  ["{{range $p, $c := .Ports}}{{$p}}={{if $c}}{{(index $c 0).HostPort}}{{end}};{{end}}", "53/udp=;80/tcp=8080;"],
  ["{{range $i, $c := .IPAM.Config}}{{$i}}:{{$c.Subnet}} {{end}}", "0:10.0.0.0/24 1:fd00::/64 "],
  ["{{range $c := .IPAM.Config}}{{$c.Subnet}}{{.Subnet}} {{end}}", "10.0.0.0/2410.0.0.0/24 fd00::/64fd00::/64 "],
  ["{{range .IPAM.Config}}{{println .Subnet}}{{end}}", "10.0.0.0/24\nfd00::/64\n"],
  ["{{println}}{{println .Name 7}}", "\nweb 7\n"],
  ["{{$n := .Name}}{{range .IPAM.Config}}{{$n}}{{end}}", "webweb"],
  ["{{if .Internal}}in{{else if .Name}}named{{else}}out{{end}}.", "named."],
  [
    '{{range $k, $v := .Options}}{{join (index $.Ports "80/tcp") ","}}{{end}}',
    '{"HostIp":"0.0.0.0","HostPort":"8080"}',
  ],
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
    ["{{constructor .}}", "unknown function 'constructor'"],
    ["{{(index .IPAM.Config 0}}", "a '(' is not closed"],
    ["{{(index .IPAM.Config 0)x}}", "can't understand 'x'"],
    ["{{.Name .Name}}", "one value too many"],
    ["{{json}}", "'json' needs a value"],
    ["{{$gone}}", "there is no variable '$gone'"],
    ["{{range $c := .IPAM.Config}}{{end}}{{$c}}", "there is no variable '$c'"],
    ["{{if .Name}}{{else if .Name}}{{end}}{{end}}", "'end' without"],
    ["{{end .Name}}", "'end' without"],
    ["{{if .Name}}x{{end .Name}}", "can't understand '.Name'"],
  ])("%s: %s", (source, message) => {
    expect(() => template(source)(data)).toThrow(NetkitError);
    expect(() => template(source)(data)).toThrow(message);
  });

  test("a field's nearest name is in the hint", () => {
    expect(() => template("{{.Nmae}}")(data)).toThrow(expect.objectContaining({ hint: "Did you mean 'Name'?" }));
  });
});
