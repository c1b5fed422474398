"""What `pytest suites/...` loads in a checkout; `rehearse upgrade` names the plugin itself."""

pytest_plugins = ["suites.plugin"]
