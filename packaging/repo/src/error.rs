use exuvia_core::json::JsonError;
use exuvia_core::keys::KeyId;
use exuvia_core::names::{App, Channel, Kind, Platform};
use exuvia_core::{Digest, Time};
use semver::Version;

use crate::SignerError;

/// Why a change to a repository was refused: the publisher must act. Each variant carries the facts
/// that tell what is to be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Too few keys of a role are at hand.
    #[error("role `{role}` is signed by {threshold} of its keys, but {have} are at hand")]
    MissingKeys {
        /// The role to sign.
        role: String,
        /// Signatures that the role demands.
        threshold: u64,
        /// Keys of the role at hand.
        have: u64,
    },
    /// A release is not above everything its channel already has.
    #[error("version {version} is not higher than {newest}, the newest in channel {channel}")]
    VersionNotHigher {
        /// The version asked for.
        version: Version,
        /// The newest version there is.
        newest: Version,
        /// The channel.
        channel: Channel,
    },
    /// The version stands already, with other content.
    #[error(
        "{version} for {platform} ({kind}) is already released with other content ({published})"
    )]
    OtherContent {
        /// The version.
        version: Version,
        /// The platform.
        platform: Platform,
        /// The kind of installation.
        kind: Kind,
        /// The bundle digest that the version names.
        published: Digest,
    },
    /// Exactly this release stands already.
    #[error("{version} for {platform} ({kind}) is already released with this very content")]
    AlreadyReleased {
        /// The version.
        version: Version,
        /// The platform.
        platform: Platform,
        /// The kind of installation.
        kind: Kind,
    },
    /// The content is that of an earlier version.
    #[error("{version} has the same content as {other}")]
    SameContent {
        /// The version asked for.
        version: Version,
        /// The version that has this content already.
        other: Version,
    },
    /// Another platform or kind was to be added to a version that does not exist.
    #[error("channel {channel} has no version {version} to add to")]
    NothingToAddTo {
        /// The version asked for.
        version: Version,
        /// The channel.
        channel: Channel,
    },
    /// The version stands already for another platform or kind.
    #[error("version {version} is already released for another platform or kind")]
    NotAdding {
        /// The version asked for.
        version: Version,
    },
    /// A role would grow beyond what clients may be asked to download.
    #[error("role `{role}` would have {length} bytes, more than {limit}")]
    RoleTooLarge {
        /// The role.
        role: String,
        /// Its length in bytes.
        length: u64,
        /// The most it may have.
        limit: u64,
    },
    /// A list cannot be spread over so many bins.
    #[error("the list of `{role}` is spread over {have} bins, and cannot be over {bins}")]
    Bins {
        /// The role.
        role: String,
        /// Bins asked for.
        bins: u32,
        /// Bins that it has; 1 if it is in one file.
        have: u32,
    },
    /// A list is spread over so many bins already.
    #[error("the list is spread over {bins} bins already")]
    AlreadySpread {
        /// The bins.
        bins: u32,
    },
    /// A channel and platform that `targets` does not delegate to.
    #[error("the repository has no role `{role}`")]
    UnknownRole {
        /// The role's name.
        role: String,
    },
    /// A channel and platform that exist already.
    #[error("the repository has a role `{role}` already")]
    RoleExists {
        /// The role's name.
        role: String,
    },
    /// A delta from a bundle that the role does not list.
    #[error("no listed release has the bundle {from} that a delta starts from")]
    UnknownBase {
        /// The digest of the base bundle.
        from: Digest,
    },
    /// A delta in a format that the version it starts from cannot read.
    #[error("{version} cannot apply deltas of format {format}")]
    FormatNotRead {
        /// The version the delta starts from.
        version: Version,
        /// The delta's format.
        format: String,
    },
    /// The facts speak of another application.
    #[error("the release is of `{found}`, but the repository is of `{expected}`")]
    OtherApp {
        /// The repository's application.
        expected: App,
        /// The one in the facts.
        found: App,
    },
    /// The facts are of a delta; those of the full release are wanted.
    #[error("the facts of a release may not name a delta")]
    FactsOfDelta,
    /// Release facts break a rule of docs/formats.md §3.
    #[error("the release facts of {path} are not valid: {source}")]
    Facts {
        /// The target's path.
        path: String,
        /// The rule.
        source: exuvia_core::release::FactsError,
    },
    /// A role that lists releases has something else among them.
    #[error("{path} is listed without digest or release facts")]
    Unreadable {
        /// The target's path.
        path: String,
    },
    /// The snapshot does not name a role that is delegated.
    #[error("the snapshot does not name the role `{role}`")]
    NotInSnapshot {
        /// The role.
        role: String,
    },
    /// A role with a threshold that its keys cannot reach, or without keys.
    #[error("role `{role}` has {keys} keys but needs {threshold}")]
    Threshold {
        /// The role.
        role: String,
        /// Distinct keys given.
        keys: u64,
        /// Signatures it demands.
        threshold: u64,
    },
    /// A metadata file that the state needs is not there.
    #[error("{path} is missing")]
    Missing {
        /// Path inside the repository.
        path: String,
    },
    /// A metadata file cannot be read.
    #[error("{path} is damaged")]
    Damaged {
        /// Path inside the repository.
        path: String,
        /// What is wrong with it.
        source: exuvia_core::json::JsonError,
    },
    /// A metadata file is not the one that its parent names.
    #[error("{path} has version {found}, but version {version} is called for")]
    OtherVersion {
        /// Path inside the repository.
        path: String,
        /// Version called for.
        version: u64,
        /// Version found.
        found: u64,
    },
    /// Metadata could not be encoded.
    #[error("the metadata of `{role}` cannot be encoded")]
    Encode {
        /// The role.
        role: String,
        /// Why.
        source: exuvia_core::json::JsonError,
    },
    /// Metadata that nobody renewed in time; a client would refuse all of it.
    #[error("role `{role}` expired on {expires}")]
    Expired {
        /// The role.
        role: String,
        /// When it expired.
        expires: Time,
    },
    /// A signer gave no signature, or a wrong one.
    #[error("key {key} did not sign `{role}`: {source}")]
    Signer {
        /// The role.
        role: String,
        /// The key.
        key: KeyId,
        /// What went wrong.
        source: SignerError,
    },
    /// A role has moved on since a change to it was proposed.
    #[error("the proposal is stale: `{role}` has meanwhile become version {version}")]
    Stale {
        /// The role.
        role: String,
        /// The version it has now.
        version: u64,
    },
    /// Two copies that do not propose the same.
    #[error("these are not copies of one proposal")]
    OtherProposal,
    /// A file that is no proposal.
    #[error("it is no proposal: {source}")]
    Proposal {
        /// Why.
        source: JsonError,
    },
    /// A proposal that a newer version wrote.
    #[error("it is a proposal of version {found}, newer than this program")]
    NewerProposal {
        /// The version.
        found: u64,
    },
    /// A key that a role does not have.
    #[error("role `{role}` has no key {key}")]
    UnknownKey {
        /// The role.
        role: String,
        /// The key.
        key: KeyId,
    },
    /// A key that a role has already.
    #[error("role `{role}` has the key {key} already")]
    KeyExists {
        /// The role.
        role: String,
        /// The key.
        key: KeyId,
    },
    /// A release that a channel does not list.
    #[error("channel {channel} lists no {what}")]
    NoSuchRelease {
        /// The version or bundle.
        what: String,
        /// The channel.
        channel: Channel,
    },
    /// A release cannot be withdrawn, since no other could take its place.
    #[error("no other release for {platform} ({kind}) can take the place of {version}")]
    NothingInstead {
        /// The version to be withdrawn.
        version: Version,
        /// The platform.
        platform: Platform,
        /// The kind of installation.
        kind: Kind,
    },
    /// The version that would take the place of another cannot read what that one wrote.
    #[error("{to} cannot read data written by {version}, only {readable_from} and newer can")]
    DataNotReadable {
        /// The version to be withdrawn.
        version: Version,
        /// The version to take its place.
        to: Version,
        /// The oldest version that can read its data.
        readable_from: Box<Version>,
    },
    /// A rollout of a release that says of itself that nothing may hold it back.
    #[error("{version} was not released as gated, so nothing can hold it back")]
    NotGated {
        /// The version.
        version: Version,
    },
    /// A client would not accept the result.
    #[error("a client would refuse this repository")]
    Refused(#[source] exuvia_core::Error),
    /// A listed target that clients would pass over.
    #[error("clients would pass over {path}")]
    Ignored {
        /// The target's path.
        path: String,
    },
}
