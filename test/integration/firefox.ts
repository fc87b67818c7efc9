import { firefox, type Browser } from "playwright-core";

const NOBODY_LISTENS = { host: "127.0.0.1", port: 9 };

/**
 * Debian's Firefox ESR, over WebDriver BiDi. It reaches 127.0.0.1 and nothing else: it resolves no name, and whatever it
 * would like to know of the world by itself goes to a proxy that is not there.
 */
export function launchFirefox(): Promise<Browser> {
  return firefox.launch({
    channel: "moz-firefox",
    executablePath: "/usr/bin/firefox-esr",
    firefoxUserPrefs: {
      "network.dns.disabled": true,
      "network.trr.mode": 5,
      "network.proxy.type": 1,
      "network.proxy.http": NOBODY_LISTENS.host,
      "network.proxy.http_port": NOBODY_LISTENS.port,
      "network.proxy.ssl": NOBODY_LISTENS.host,
      "network.proxy.ssl_port": NOBODY_LISTENS.port,
      "network.proxy.no_proxies_on": "127.0.0.1",
      "network.proxy.failover_direct": false,
      "network.captive-portal-service.enabled": false,
      "network.connectivity-service.enabled": false,
      "browser.safebrowsing.malware.enabled": false,
      "browser.safebrowsing.phishing.enabled": false,
      "datareporting.policy.dataSubmissionEnabled": false,
      "toolkit.telemetry.enabled": false,
      "app.update.auto": false,
      "app.normandy.enabled": false,
      "dom.push.enabled": false,
    },
  });
}
