//! What the administrator of a Lync or Skype for Business server enters, filled in from our
//! configuration.

use comity_gateway_config::SipListener;
use comity_identity::{DomainName, Host};

use crate::site::Site;

/// Commands for the Lync Server Management Shell, and comments between them. There are none without a
/// name under which SIP peers know us.
pub(crate) fn commands(site: &Site) -> Vec<String> {
    let Some(Host::Domain(edge)) = site.config.edge() else {
        return Vec::new();
    };
    let domains: Vec<_> = site.config.domains.xmpp.iter().collect();
    let mut lines = Vec::new();
    if domains.is_empty() {
        return lines;
    }
    let mut add = |line: &str| lines.push(line.to_owned());
    add("# A partner: its edge reaches us by the _sipfederationtls record of each domain.");
    for domain in &domains {
        add(&format!(
            "New-CsAllowedDomain -Identity \"{domain}\" -ProxyFqdn \"{edge}\""
        ));
    }
    add("Set-CsAccessEdgeConfiguration -AllowFederatedUsers $true -EnablePartnerDiscovery $true");
    add("Set-CsExternalAccessPolicy -Identity Global -EnableFederationAccess $true");
    add(
        "# A domain is either allowed or of a provider, not both; a provider of ours is not public:",
    );
    add("Get-CsHostingProvider; Get-CsPublicProvider; Get-CsAllowedDomain");
    add("# In one network, in place of all above: a static route to us, and trust in our host.");
    lines.extend(direct(&domains, edge, port(site)));
    lines
}

fn direct(domains: &[&DomainName], edge: &DomainName, port: u16) -> Vec<String> {
    let mut lines = Vec::new();
    for domain in domains {
        lines.push(format!(
            "$route = New-CsStaticRoute -TLSRoute -Destination \"{edge}\" -Port {port} -MatchUri \
             \"{domain}\" -UseDefaultCertificate $true"
        ));
        lines.push(
            "Set-CsStaticRoutingConfiguration -Identity Global -Route @{Add=$route}".to_owned(),
        );
    }
    lines.push(format!(
        "New-CsTrustedApplicationPool -Identity \"{edge}\" -Registrar <front end pool> -Site <site> \
         -TreatAsAuthenticated $true -ThrottleAsServer $true -RequiresReplication $false \
         -OutboundOnly $false"
    ));
    lines.push(format!(
        "New-CsTrustedApplication -ApplicationId comity -TrustedApplicationPoolFqdn \"{edge}\" -Port \
         {port}"
    ));
    lines.push("Enable-CsTopology".to_owned());
    lines
}

/// Where SIP peers reach us over TLS.
fn port(site: &Site) -> u16 {
    let mut tls = site
        .config
        .sip
        .listeners
        .iter()
        .filter(|one| one.tls.is_some());
    tls.next().map_or(5061, SipListener::advertised_port)
}
