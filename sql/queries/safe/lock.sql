-- Shuts a connection to everything outside its databases, and keeps it so: no file, no network, no other setting.
-- Nothing is spilled to disk either; what does not fit the memory limit is refused.
set temp_directory = '';
set python_enable_replacements = false;
set allow_community_extensions = false;
set autoinstall_known_extensions = false;
set autoload_known_extensions = false;
set allow_persistent_secrets = false;
set enable_external_access = false;
set lock_configuration = true
