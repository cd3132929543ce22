/** The links of an area as iptables has them, firewalld and ufw too: the beginning of several names ends in `+`. */
export function linksText(link: string): string {
  return link.replace(/\*$/, "+");
}
