//! What this system is.

/// The version that releases' `requires.os` is compared with: of the kernel on Linux, of the system on
/// macOS. `None` where it cannot be told, which holds nothing back.
pub(crate) fn version() -> Option<String> {
    match std::env::consts::OS {
        "linux" => {
            let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
            Some(release.trim().to_owned())
        }
        "macos" => {
            let path = "/System/Library/CoreServices/SystemVersion.plist";
            product_version(&std::fs::read_to_string(path).ok()?)
        }
        _ => None,
    }
}

/// The value after `ProductVersion` in Apple's property list.
fn product_version(plist: &str) -> Option<String> {
    let (_, rest) = plist.split_once("<key>ProductVersion</key>")?;
    let (value, _) = rest.trim_start().strip_prefix("<string>")?.split_once("</string>")?;
    Some(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_macos_stands_in_its_property_list() {
        let plist = "<dict>\n\t<key>ProductName</key>\n\t<string>macOS</string>\n\
                     \t<key>ProductVersion</key>\n\t<string>14.5</string>\n</dict>";
        assert_eq!(product_version(plist).as_deref(), Some("14.5"));
        assert_eq!(product_version("<dict/>"), None);
    }
}
