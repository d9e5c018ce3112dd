"""The pages: server-rendered, in English and Chinese, without a script."""
