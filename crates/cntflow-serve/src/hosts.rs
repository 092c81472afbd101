//! Which requests are from pages of this server, or from no page at all.
//!
//! A page of another site can make a browser on this machine send requests here. It must not get an
//! answer, neither by its own name (its requests name it as their origin) nor by letting its name
//! point to this machine (DNS rebinding: its requests then name it as the host).

use std::net::{IpAddr, SocketAddr};

use hyper::header::{HOST, HeaderName, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Uri};

/// What a browser says of where a request comes from.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Names of this machine that it alone reaches.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Why a request is not for this server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WrongHost {
    /// The request names no host, or several.
    #[error("expected one Host")]
    Number,
    /// It names another one.
    #[error("this server is http://127.0.0.1:{0}/, and nothing else")]
    Other(u16),
    /// It names one by a name that nobody has given.
    #[error(
        "unknown host: use the address of the server, or the name that it was started with (--host)"
    )]
    Unknown,
}

/// The names by which the server may be asked.
#[derive(Clone, Debug)]
pub struct Hosts {
    address: SocketAddr,
    /// What the user has named with `--host`.
    given: Option<String>,
}

impl Hosts {
    /// A server at this address, which the user has named so, if at all.
    #[must_use]
    pub fn new(address: SocketAddr, given: Option<&str>) -> Self {
        Self {
            address,
            given: given.map(str::to_owned),
        }
    }

    /// Whether this machine alone reaches the server.
    pub(crate) fn is_loopback(&self) -> bool {
        self.address.ip().is_loopback()
    }

    /// The host that a request is for.
    ///
    /// # Errors
    /// It names none, several, or one that is not this server.
    pub(crate) fn of_request<'a>(
        &self,
        uri: &Uri,
        headers: &'a HeaderMap,
    ) -> Result<&'a str, WrongHost> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(WrongHost::Number);
        };
        let host = host.to_str().map_err(|_| self.refusal())?;
        let own = self.is_own(host);
        let is_own = own
            && uri
                .authority()
                .is_none_or(|named| self.is_own(named.as_str()));
        if is_own {
            Ok(host)
        } else {
            Err(self.refusal())
        }
    }

    /// Whether a name of the form `host:port` is of this server.
    fn is_own(&self, named: &str) -> bool {
        let Ok(authority) = named.parse::<Authority>() else {
            return false;
        };
        if named.contains('@') {
            return false;
        }
        let host = authority.host();
        let is_named = LOOPBACK.contains(&host.to_ascii_lowercase().as_str())
            || self
                .given
                .as_ref()
                .is_some_and(|given| given.eq_ignore_ascii_case(host));
        if self.address.ip().is_loopback() {
            let is_address = address_of(host) == Some(self.address.ip());
            let port = authority.port_u16().unwrap_or(80);
            return (is_named || is_address) && port == self.address.port();
        }
        // An address is no name that somebody else can point here. Its port may be another one,
        // where this port is passed on.
        is_named || address_of(host).is_some()
    }

    fn refusal(&self) -> WrongHost {
        if self.address.ip().is_loopback() {
            WrongHost::Other(self.address.port())
        } else {
            WrongHost::Unknown
        }
    }
}

fn address_of(host: &str) -> Option<IpAddr> {
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.parse().ok()
}

/// Whether a request is from a page of this server, which is asked as `host`, or from no page: from
/// the address line of a browser, or from another program.
pub(crate) fn is_from_here(headers: &HeaderMap, host: &str) -> bool {
    let site = headers.get_all(FETCH_SITE).iter();
    let mut sites = site.map(|site| site.as_bytes());
    let mut origins = headers.get_all(ORIGIN).iter();
    let own = format!("http://{host}");
    sites.all(|site| matches!(site, b"same-origin" | b"none"))
        && origins.all(|origin| origin.as_bytes().eq_ignore_ascii_case(own.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_own(address: &str, given: Option<&str>, host: &str) -> bool {
        Hosts::new(address.parse().unwrap(), given).is_own(host)
    }

    #[test]
    fn on_loopback_only_its_names_with_the_port_are_the_server() {
        let own = |host: &str| is_own("127.0.0.1:8265", None, host);
        for host in [
            "127.0.0.1:8265",
            "localhost:8265",
            "LOCALHOST:8265",
            "[::1]:8265",
        ] {
            assert!(own(host), "{host}");
        }
        for host in [
            "",
            "localhost",
            "localhost:80",
            "127.0.0.1",
            "example.org:8265",
            "127.0.0.2:8265",
            "localhost.example.org:8265",
            "a@localhost:8265",
            "localhost:8265@a",
            "localhost:",
            "0.0.0.0:8265",
            "10.0.0.1:8265",
            "localhost:8265/",
            "[::2]:8265",
            "localhost.:8265",
        ] {
            assert!(!own(host), "{host}");
        }
        assert!(is_own("127.0.0.1:80", None, "localhost"));
        assert!(is_own("127.0.1.1:8265", Some("box"), "box:8265"));
    }

    #[test]
    fn with_a_host_its_name_and_addresses_are_the_server() {
        let own = |host: &str| is_own("0.0.0.0:8265", Some("zoo.example.org"), host);
        for host in [
            "zoo.example.org:8265",
            "10.0.0.1:9000",
            "localhost:8265",
            "[fe80::1]:1",
        ] {
            assert!(own(host), "{host}");
        }
        for host in [
            "",
            "example.org:8265",
            "a.zoo.example.org:8265",
            "a@10.0.0.1",
        ] {
            assert!(!own(host), "{host}");
        }
    }

    #[test]
    fn requests_of_other_pages_are_told_by_what_browsers_say() {
        let from = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, value.parse().unwrap());
            }
            is_from_here(&headers, "localhost:8265")
        };
        assert!(from(&[]));
        assert!(from(&[("sec-fetch-site", "none")]));
        assert!(from(&[
            ("sec-fetch-site", "same-origin"),
            ("origin", "http://localhost:8265")
        ]));
        assert!(!from(&[("sec-fetch-site", "cross-site")]));
        assert!(!from(&[("sec-fetch-site", "same-site")]));
        assert!(!from(&[("origin", "null")]));
        assert!(!from(&[("origin", "http://example.org")]));
        assert!(!from(&[("origin", "https://localhost:8265")]));
        assert!(!from(&[("origin", "http://localhost:1")]));
        assert!(!from(&[
            ("origin", "http://localhost:8265"),
            ("origin", "http://example.org")
        ]));
    }
}
