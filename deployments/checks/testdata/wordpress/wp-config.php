<?php
// A site on the machine of a test. What differs between tests is in files beside the document root.
define( 'DB_NAME', 'wordpress' );
define( 'DB_USER', 'root' );
define( 'DB_PASSWORD', '' );
define( 'DB_HOST', 'localhost:' . dirname( __DIR__ ) . '/db.sock' );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'WP_ENVIRONMENT_TYPE', 'local' ); // application passwords without https
define( 'DISABLE_WP_CRON', true );        // the test runs it
define( 'WP_DEBUG', true );
define( 'WP_DEBUG_LOG', dirname( __DIR__ ) . '/php.log' );
define( 'WP_DEBUG_DISPLAY', false );
define( 'AUTOMATIC_UPDATER_DISABLED', true );
define( 'WP_HTTP_BLOCK_EXTERNAL', true ); // WordPress asks wordpress.org for updates
define( 'WP_ACCESSIBLE_HOSTS', '127.0.0.1' );
define( 'WP_SITEURL', trim( file_get_contents( dirname( __DIR__ ) . '/site' ) ) );
define( 'WP_HOME', WP_SITEURL );
define( 'GALLERYWIRE_URL', trim( file_get_contents( dirname( __DIR__ ) . '/receiver' ) ) );
define( 'GALLERYWIRE_KEY_FILE', dirname( __DIR__ ) . '/key' );
if ( is_file( dirname( __DIR__ ) . '/network' ) ) { // a test has made a network of the site
	define( 'MULTISITE', true );
	define( 'SUBDOMAIN_INSTALL', false );
	define( 'DOMAIN_CURRENT_SITE', parse_url( WP_SITEURL, PHP_URL_HOST ) . ':' . parse_url( WP_SITEURL, PHP_URL_PORT ) );
	define( 'PATH_CURRENT_SITE', '/' );
	define( 'SITE_ID_CURRENT_SITE', 1 );
	define( 'BLOG_ID_CURRENT_SITE', 1 );
}
$table_prefix = 'wp_';
if ( ! defined( 'ABSPATH' ) ) {
	define( 'ABSPATH', __DIR__ . '/' );
}
require_once ABSPATH . 'wp-settings.php';
