//! Encryption towards a target, with exactly the trust that the URL asks for.
//!
//! [`Trust::Anything`] keeps eavesdroppers out and nobody else: it is Prisma's default, and pages should call it so.
//! The public authorities are Mozilla's, compiled in; the machine's own list is not consulted, so that a verdict is the
//! same on every host.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::url::{DatabaseUrl, Trust};
use crate::operation::Trouble;

/// The TLS settings for a URL; the file of its authority is read now.
pub(super) fn client_config(url: &DatabaseUrl) -> Result<ClientConfig, Trouble> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let roots = match (&url.authority, url.trust) {
        (_, Trust::Anything) => RootCertStore::empty(),
        (Some(path), _) => authority(path)?,
        (None, _) => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
    };
    let verifier = Arc::new(Verifier {
        provider: Arc::clone(&provider),
        roots,
        trust: url.trust,
    });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            Trouble::new(
                format!("Encryption could not be set up: {error}."),
                "Nothing was read or changed.",
                "This is a fault of this build of Lockkeeper; please report it.",
            )
        })?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(config)
}

fn authority(path: &Path) -> Result<RootCertStore, Trouble> {
    let unusable = |why: String| {
        Trouble::new(
            format!(
                "The certificate authority's file {} cannot be used: {why}.",
                path.display()
            ),
            "Nothing was read or changed.",
            "Correct sslcert in the database URL; it must lead to a PEM file with the authority's certificate.",
        )
    };
    let mut roots = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("it holds no certificate".to_owned()));
    }
    Ok(roots)
}

/// Checks as much of a certificate as `trust` says. The signature of the handshake is always checked, so even a
/// certificate that nobody vouches for is at least the one of whoever answers.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    roots: RootCertStore,
    trust: Trust,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.trust == Trust::Anything {
            return Ok(ServerCertVerified::assertion());
        }
        let certificate = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.roots,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        )?;
        if self.trust == Trust::AuthorityAndName {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
